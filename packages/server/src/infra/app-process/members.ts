import { setTimeout as delay } from "node:timers/promises";
import { signalGroup } from "./guard.ts";
import type { LaunchMarks } from "./launch-request.ts";
import { groupsOf, hasVariable, listProcesses, type ProcessEntry, processEntry } from "./processes.ts";

/** All processes of one life of an application, wherever they went. */
export type Members = {
  /** The first one: its number is also that of the process group. */
  readonly leader: ProcessEntry | undefined;
  /**
   * Looks for those that live: in the group, with the marks, or descended from one of those, now or when last looked
   * for. Whom it finds, it knows again.
   */
  find(): Promise<ProcessEntry[]>;
  /** Kills all of them until none is left; resolves with those that can't be ended within `timeoutMs`. */
  end(timeoutMs?: number): Promise<ProcessEntry[]>;
};

const endTimeoutMs = 10_000;
/** Whoever forks and ends while we look may show us neither the old process nor the new one: so we look again. */
const emptyLooksUntilSure = 3;

/**
 * @param known those that were found before, also by a process of ours that was killed since
 * @param leader undefined when it is long gone: a group may have its number again
 */
export function createMembers(
  marks: LaunchMarks,
  known: Iterable<Pick<ProcessEntry, "pid" | "startedAt">>,
  leader?: ProcessEntry,
): Members {
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
    leader,
    find,
    async end(timeoutMs = endTimeoutMs) {
      const deadline = performance.now() + timeoutMs;
      if (leader) signalGroup(leader.pid, "SIGKILL");
      for (let emptyLooks = 0; ; ) {
        const left = await find();
        emptyLooks = left.length === 0 ? emptyLooks + 1 : 0;
        if (emptyLooks === emptyLooksUntilSure || performance.now() > deadline) return left;
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
