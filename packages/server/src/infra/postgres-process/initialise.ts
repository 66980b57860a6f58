import { mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Binaries } from "./binaries.ts";
import { PostgresProcessError } from "./problem.ts";
import { type RunOptions, run } from "./run.ts";

/**
 * Makes an empty cluster at `cluster`. It is built beside its place and renamed into it, so a cluster that is there is
 * whole: what an interrupted attempt left is thrown away by the next.
 */
export async function initialiseCluster(
  binaries: Binaries,
  cluster: string,
  passwordFile: string,
  options: RunOptions & { durable?: boolean; walSegmentMegabytes?: number },
): Promise<void> {
  const unfinished = `${cluster}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const result = await run(binaries.initdb, initialiseArguments(unfinished, passwordFile, options), options);
  if (result.code !== 0) {
    await rm(unfinished, { recursive: true, force: true });
    throw new PostgresProcessError(
      "postgres_initialisation_failed",
      `PostgreSQL couldn't make its files in ${path.dirname(cluster)}. Its last words: ${tail(result.output)}`,
    );
  }
  await rename(unfinished, cluster);
  if (options.durable !== false) await syncDirectory(path.dirname(cluster));
}

function initialiseArguments(
  directory: string,
  passwordFile: string,
  options: { durable?: boolean; walSegmentMegabytes?: number },
): string[] {
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
    options.durable === false ? "--no-sync" : "--sync-method=syncfs",
    `--wal-segsize=${options.walSegmentMegabytes ?? 16}`,
  ];
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The last lines of a program's output, on one line. */
export function tail(output: string, lines = 6): string {
  return output.split("\n").slice(-lines).join(" | ");
}
