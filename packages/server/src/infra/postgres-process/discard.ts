import { existsSync } from "node:fs";
import { readlink, rm } from "node:fs/promises";
import path from "node:path";
import { lockDataDir } from "../data-dir-lock/index.ts";
import { findExisting } from "./existing.ts";
import { stopPostmaster } from "./postmaster.ts";
import { endOrphans } from "./processes.ts";

/**
 * Removes a data directory with its cluster, wherever that lies, having ended at once what still runs on it: for a
 * server whose data nobody wants any more. Repeatable; what a killed call left is removed by the next. Fails with
 * `data_dir_in_use` while another process keeps the server.
 */
export async function removeCluster(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) return;
  const lock = await lockDataDir(dataDir);
  try {
    const cluster = path.join(dataDir, "cluster");
    if (existsSync(cluster)) {
      const existing = await findExisting(cluster);
      if (existing) await stopPostmaster(existing.postmaster, 0);
      await endOrphans(cluster);
    }
    const elsewhere = await readlink(cluster).catch(() => undefined);
    // Root keeps the cluster of an account in a home of its own, and leaves a link.
    if (elsewhere !== undefined) await remove(path.dirname(path.resolve(dataDir, elsewhere)));
    await remove(dataDir);
  } finally {
    lock.release();
  }
}

/** Something that ends may still be writing there. */
function remove(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}
