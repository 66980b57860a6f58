import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { becomesReady, postmasterArguments, readPidFile } from "./postmaster.ts";
import { commandLineOf, isPostmasterOf, type Postmaster, programOf, watchProcess } from "./processes.ts";
import { host } from "./settings.ts";

export type Existing = { postmaster: Postmaster; port: number };

/**
 * Finds the server that a killed process of ours left running on this cluster. Without one, removes a postmaster.pid
 * that is empty or names a stranger: PostgreSQL refuses to start on the one, and takes the other for a living server.
 * Call it only while holding the data directory's lock.
 */
export async function findExisting(cluster: string): Promise<Existing | undefined> {
  let state = await readPidFile(cluster);
  if (state === "unreadable") {
    // It is written right after it is made; one that stays unreadable is what a crash of the machine left.
    await delay(100);
    state = await readPidFile(cluster);
  }
  if (state === undefined) return undefined;
  if (state !== "unreadable" && isPostmasterOf(state.pid, cluster)) {
    const postmaster = watchProcess(state.pid);
    if (postmaster) return { postmaster, port: state.port };
  }
  await rm(path.join(cluster, "postmaster.pid"), { force: true });
  return undefined;
}

export type Wanted = {
  cluster: string;
  program: string;
  settings: Record<string, string>;
  socketDirectory: string | undefined;
  /** The port that was asked for; 0 when any will do. */
  port: number;
};

/** Why the server that was found can't be used as it is; undefined when it can. Waits while it is still starting. */
export async function whyUnfit(
  { postmaster, port }: Existing,
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (wanted.port !== 0 && wanted.port !== port) return `it listens on port ${port}`;
  const program = programOf(postmaster.pid);
  if (program !== undefined && program !== wanted.program) return "it runs a program that was replaced";
  const args = postmasterArguments(wanted.cluster, { ...wanted.settings, port: String(port) });
  if (commandLineOf(postmaster.pid).slice(1).join("\0") !== args.join("\0"))
    return "it runs with other settings";
  if (!(await answers(port))) return "it doesn't answer";
  if (!(await becomesReady(postmaster, wanted.cluster, { signal }))) return "it ended";
  const socket = wanted.socketDirectory && path.join(wanted.socketDirectory, `.s.PGSQL.${port}`);
  return socket && !existsSync(socket) ? "its socket was removed" : undefined;
}

/** Whether a PostgreSQL server answers at this port, by the question every client may ask first: do you speak TLS? */
function answers(port: number, timeoutMs = 5_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => settle(false));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
    // "N" or "S"
    socket.once("data", (data) => settle(data[0] === 0x4e || data[0] === 0x53));
    socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
  });
}
