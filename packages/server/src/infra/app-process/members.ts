import { setTimeout as delay } from "node:timers/promises";
import { signalGroup } from "./guard.ts";
import type { Confinement, LaunchMarks } from "./launch-request.ts";
import { groupsOf, hasVariable, listProcesses, type ProcessEntry, processEntry } from "./processes.ts";

/** All processes of one life of an application, wherever they went. */
export type Members = {
  /**
   * Looks for those that live: in the group, with the marks, or descended from one of those, now or when last looked
   * for. Whom it finds, it knows again.
   */
  find(): Promise<ProcessEntry[]>;
  /** Kills all of them until none is left; resolves with those that can't be ended within ten seconds. */
  end(): Promise<ProcessEntry[]>;
};

const endTimeoutMs = 10_000;
/**
 * Whoever forks and ends while we look may show us neither the old process nor the new one: so we look again. In a process
 * namespace nobody can: its first process, which is in the group, is seen until the others are gone.
 */
const emptyLooksUntilSure = { namespaces: 1, marks: 3 };

export type MembersOptions = {
  marks: LaunchMarks;
  way: Confinement["way"];
  /** Those that were found before, also by a process of ours that was killed since. */
  known?: Iterable<Pick<ProcessEntry, "pid" | "startedAt">>;
  /** The first one, whose number is also the group's. Undefined when it is long gone: another group may have its number. */
  leader?: ProcessEntry | undefined;
};

export function createMembers({ marks, way, known = [], leader }: MembersOptions): Members {
  const lives = new Map([...known].map(({ pid, startedAt }) => [pid, startedAt]));
  if (leader) lives.set(leader.pid, leader.startedAt);
  const bornAfter = Math.min(...lives.values(), Number.POSITIVE_INFINITY);

  const isKnown = ({ pid, startedAt }: ProcessEntry): boolean => lives.get(pid) === startedAt;

  async function isMarked(entry: ProcessEntry): Promise<boolean> {
    // Most of what runs is older than the application: no need to look into it.
    if (Number.isFinite(bornAfter) && entry.startedAt < bornAfter) return false;
    if (marks.groupId !== undefined && (await groupsOf(entry.pid)).includes(marks.groupId)) return true;
    return hasVariable(entry.pid, "TENANTRY_INSTANCE", marks.instanceId);
  }

  async function find(): Promise<ProcessEntry[]> {
    const all = listProcesses();
    const found = new Map<number, ProcessEntry>();
    for (const entry of all) {
      const isOurs = isKnown(entry) || entry.group === leader?.pid || (await isMarked(entry));
      if (isOurs) found.set(entry.pid, entry);
    }
    // An entry is added while the loop runs, and the loop comes to it.
    for (const [pid] of found) {
      for (const entry of all) if (entry.parent === pid && !found.has(entry.pid)) found.set(entry.pid, entry);
    }
    lives.clear();
    for (const { pid, startedAt } of found.values()) lives.set(pid, startedAt);
    return [...found.values()];
  }

  return {
    find,
    async end() {
      const deadline = performance.now() + endTimeoutMs;
      if (leader) signalGroup(leader.pid, "SIGKILL");
      for (let emptyLooks = 0; ; ) {
        const left = await find();
        emptyLooks = left.length === 0 ? emptyLooks + 1 : 0;
        if (emptyLooks === emptyLooksUntilSure[way] || performance.now() > deadline) return left;
        for (const entry of left) killOne(entry);
        await delay(5);
      }
    },
  };
}

/** Unless it has ended by itself, and another one has got its number. */
function killOne({ pid, startedAt }: ProcessEntry): void {
  if (processEntry(pid)?.startedAt !== startedAt) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
