import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../log/index.ts";
import { lifeOf } from "../process-life/index.ts";
import type { LaunchMarks } from "./launch-request.ts";
import { createMembers } from "./members.ts";
import type { ProcessEntry } from "./processes.ts";

/** What is written down of an application's life, so that whoever finds us dead can end what is left of it. */
type ProcessRecord = LaunchMarks & {
  /** Who looks after it. After the machine has started anew, all numbers mean others. */
  supervisor: { pid: number; life: string | undefined; bootId: string };
  members: Pick<ProcessEntry, "pid" | "startedAt">[];
};

export type ProcessRecords = {
  /** Writes down a life, before its first process starts and whenever more of its processes are known. */
  write(marks: LaunchMarks, members: readonly ProcessEntry[]): Promise<void>;
  remove(marks: LaunchMarks): Promise<void>;
};

const suffix = ".json";

/** Tells this start of the machine from others; empty where the system doesn't say. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

export function createProcessRecords(directory: string): ProcessRecords {
  const supervisor = { pid: process.pid, life: lifeOf(process.pid), bootId: bootId() };
  const fileOf = ({ instanceId }: LaunchMarks) => join(directory, `${instanceId}${suffix}`);
  return {
    async write({ instanceId, groupId }, members) {
      const record: ProcessRecord = {
        instanceId,
        groupId,
        supervisor,
        members: members.map(({ pid, startedAt }) => ({ pid, startedAt })),
      };
      const file = fileOf({ instanceId });
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
    async remove(marks) {
      await rm(fileOf(marks), { force: true });
    },
  };
}

/** Ends what is left of applications whose supervisor was killed. Call it before the first one starts. */
export async function endLeftovers(directory: string, log: Log): Promise<void> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names.filter((one) => one.endsWith(suffix))) {
    const file = join(directory, name);
    const record = await readRecord(file);
    if (record?.supervisor.bootId === bootId()) {
      if (record.supervisor.life === lifeOf(record.supervisor.pid)) continue;
      await endOne(record, log);
    }
    await rm(file, { force: true });
  }
}

async function endOne(record: ProcessRecord, log: Log): Promise<void> {
  const { instanceId } = record;
  const members = createMembers({ marks: record, way: "marks", known: record.members });
  const found = await members.find();
  if (found.length === 0) return;
  const left = await members.end();
  const pids = (entries: readonly ProcessEntry[]) => entries.map(({ pid }) => pid);
  log.warn({ processInstance: instanceId, found: pids(found), left: pids(left) }, "app.leftovers-ended");
}

/** Undefined for one that a crash of the machine left half written. */
async function readRecord(file: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ProcessRecord;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
