import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitUntil } from "../../../server/src/testing/wait-until.ts";
import { createSqliteHandles, openSqlite, type SqliteHandles } from "./index.ts";

let directory: string;
let handles: SqliteHandles | undefined;

const endless = "with recursive c (n) as (select 1 union all select n + 1 from c) select count(*) from c";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-sqlite-processes-"));
});
afterAll(async () => {
  await handles?.close();
  await rm(directory, { recursive: true, force: true });
});

async function make(name: string): Promise<string> {
  const file = join(directory, `${randomUUID()}-${name}`);
  const own = createSqliteHandles();
  const database = await openSqlite({ file, create: true }, own);
  await database.migrate("create table notes (id serial primary key, body text not null)");
  await own.close();
  return file;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** What a process has had of the CPU. */
async function busyMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")")).split(" ")[12]) * 10;
}

it("kill -9 of whoever writes, and of the engine, loses nothing that was committed, and leaves nothing half done", async () => {
  const file = await make("killed.db");
  for (let round = 0; round < 3; round += 1) {
    handles = createSqliteHandles();
    const database = handles.open({ environmentId: "env", generation: 1, file });
    let committed = 0;
    let going = true;
    const writing = (async () => {
      while (going) {
        await database.transaction(async (tx) => {
          await tx.query("insert into notes (body) values ('first')");
          await tx.query("insert into notes (body) values ('second')");
        });
        committed += 1;
      }
    })().catch((error: Error) => error);
    await expect.poll(() => committed, { interval: 1 }).toBeGreaterThan(round);
    for (const pid of handles.stats().pids) process.kill(pid, "SIGKILL");
    going = false;
    expect(await writing).toSatisfy(
      (error: Error | undefined) => error === undefined || error.name === "DatabaseUnavailable",
    );
    const known = committed;
    const { rows } = await database.query<{ first: number; second: number }>(
      "select count(*) filter (where body = 'first')::int as first, count(*) filter (where body = 'second')::int as second from notes",
    );
    expect(rows[0]!.first).toBe(rows[0]!.second);
    // A commit whose answer was lost may have been done.
    expect([known, known + 1]).toContain(rows[0]!.first);
    await database.query("delete from notes");
    await handles.close();
  }
});

it("no process is left when the application's was killed, not even one with a statement that never ends", async () => {
  const file = await make("orphan.db");
  const application: ChildProcess = fork(new URL("./testing/endless.ts", import.meta.url), [file, endless], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ pids }] = (await once(application, "message")) as [{ pids: number[] }];
  expect(pids.filter(isAlive)).toHaveLength(1);
  await waitUntil("it is within the statement", async () => (await busyMs(pids[0]!)) > 500);
  application.kill("SIGKILL");
  await waitUntil("the engine's process is gone", () => !pids.some(isAlive));
});

it("a neighbour doesn't wait for a statement that takes long", async () => {
  handles = createSqliteHandles({ statementTimeoutMs: 3_000, maxProcesses: 2 });
  const [slow, quick] = await Promise.all(
    ["slow.db", "quick.db"].map(async (name) =>
      handles!.open({ environmentId: name, generation: 1, file: await make(name) }),
    ),
  );
  await Promise.all([slow!.query("select 1"), quick!.query("select 1")]);
  const ended = slow!.query(endless).catch((error: { code?: string }) => error.code);
  const tookMs: number[] = [];
  for (let count = 0; count < 200; count += 1) {
    const began = performance.now();
    await quick!.query("select count(*) from notes");
    tookMs.push(performance.now() - began);
  }
  // The first one waits until it is served by another process.
  expect(tookMs.sort((left, right) => left - right)[100]).toBeLessThan(100);
  expect(await ended).toBe("57014");
  await handles.close();
});

it("memory and descriptors stay level over 10,000 environments", async () => {
  const atOnce = 20;
  const template = await make("template.db");
  const copies = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const file = `${template}-${index}`;
      await copyFile(template, file);
      return file;
    }),
  );
  handles = createSqliteHandles({ maxProcesses: 1, maxFiles: 50 });
  const visit = async (
    from: number,
    to: number,
  ): Promise<{ descriptors: number; residentMb: number; heapMb: number }> => {
    const one = async (index: number): Promise<void> => {
      const file = copies[index % copies.length]!;
      const database = handles!.open({ environmentId: `env_${index}`, generation: 1, file });
      await database.query("select count(*) from notes");
    };
    for (let index = from; index < to; index += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, more) => one(index + more)));
    }
    const [pid] = handles!.stats().pids;
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return {
      descriptors: (await readdir(`/proc/${pid}/fd`)).length,
      residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1_024,
      heapMb: process.memoryUsage().heapUsed / 1e6,
    };
  };
  const early = await visit(0, 1_000);
  const late = await visit(1_000, 10_000);
  expect(handles.stats().open).toBeLessThanOrEqual(50);
  expect(late.descriptors).toBeLessThan(50 * 4 + 32 * 4 + 50);
  expect(late.residentMb).toBeLessThan(early.residentMb + 40);
  expect(late.heapMb).toBeLessThan(early.heapMb + 60);
}, 120_000);
