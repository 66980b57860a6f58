import { randomUUID } from "node:crypto";
import { chown, copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { StartRefused } from "../../kernel/index.ts";
import type { Binaries } from "./binaries.ts";
import { spaceLeft } from "./data-dir.ts";
import { type RunOptions, run, tail } from "./run.ts";

export type InitialiseOptions = RunOptions & {
  binaries: Binaries;
  /** Where the cluster shall be; nothing may be there. */
  cluster: string;
  /** Holds the superuser's password on its first line. */
  passwordFile: string;
  /** False leaves the files in the system's write cache, for tests. */
  durable?: boolean;
  walSegmentMegabytes?: number;
};

/**
 * Makes an empty cluster. It is built beside its place and renamed into it, so a cluster that is there is whole: what
 * an interrupted attempt left is thrown away by the next. A failure is one sentence with initdb's last words.
 */
export async function initialiseCluster(options: InitialiseOptions): Promise<void> {
  const home = path.dirname(options.cluster);
  await removeUnfinished(options.cluster);
  // A name of its own: the initdb of a start that was killed may go on for a moment.
  const unfinished = `${options.cluster}${unfinishedMark}${randomUUID().slice(0, 8)}`;
  const passwordCopy = `${unfinished}.password`;
  try {
    await mkdir(unfinished, { mode: 0o700 });
    await copyFile(options.passwordFile, passwordCopy);
    await giveTo(options.identity, unfinished, passwordCopy);
    for (const [program, args, input] of makingOf(unfinished, passwordCopy, options)) {
      const result = await run(options.binaries[program], args, { ...options, input });
      if (result.code === 0 && !result.output.includes("ERROR:")) continue;
      throw new StartRefused(
        "postgres_initialisation_failed",
        `PostgreSQL couldn't make its files in ${home}. ${await spaceLeft(home)}Its last words: ${tail(result.output)}`,
      );
    }
    await rename(unfinished, options.cluster);
  } finally {
    await removeUnfinished(options.cluster);
  }
  if (options.durable !== false) await syncDirectory(home);
}

const unfinishedMark = ".unfinished-";

type Call = [program: "initdb" | "postgres", args: string[], input?: string];

/**
 * What is called one after the other. The template of all databases is packed before any is copied: initdb leaves a
 * third more files in it, maps of what is free and visible in tables of a page or two, and a copy costs what its files
 * cost. Nothing is flushed until all is there.
 */
function makingOf(directory: string, passwordFile: string, options: InitialiseOptions): Call[] {
  const pack: Call = ["postgres", ["--single", "-F", "-D", directory, "template0"], "vacuum full;\n"];
  // One file after the other: syncfs would also wait for everything that others wrote to the same disk.
  const flush: Call = ["initdb", [`--pgdata=${directory}`, "--sync-only", "--sync-method=fsync"]];
  return [
    ["initdb", initdbArguments(directory, passwordFile, options)],
    pack,
    ...(options.durable === false ? [] : [flush]),
  ];
}

function initdbArguments(directory: string, passwordFile: string, options: InitialiseOptions): string[] {
  return [
    `--pgdata=${directory}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // The built-in provider sorts by code point on every machine alike. With libc's or ICU's rules an upgrade of the
    // system would change the order under existing indexes, and a copied data directory would carry broken ones.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
    "--no-sync",
    `--wal-segsize=${options.walSegmentMegabytes ?? 16}`,
  ];
}

/** Hands files that root made to the user whom the server runs as. */
export async function giveTo(identity: { uid?: number; gid?: number }, ...files: string[]): Promise<void> {
  const { uid, gid } = identity;
  if (uid === undefined || gid === undefined) return;
  await Promise.all(files.map((file) => chown(file, uid, gid)));
}

async function removeUnfinished(cluster: string): Promise<void> {
  const prefix = `${path.basename(cluster)}${unfinishedMark}`;
  for (const name of await readdir(path.dirname(cluster))) {
    if (!name.startsWith(prefix)) continue;
    const file = path.join(path.dirname(cluster), name);
    await rm(file, { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
      // An initdb that outlived its start is still writing there; the next start removes the rest.
      if (error.code !== "ENOTEMPTY") throw error;
    });
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
