import { setTimeout as pause } from "node:timers/promises";
import { findHost, usualDirectory } from "./host-process.ts";

export type StopOptions = {
  /** The one that the kits were started with. */
  directory?: string;
};

const lookEveryMs = 15;

/**
 * Ends the PostgreSQL that stays for the next run, with whatever tenants there are: for a teardown after all tests, where
 * nothing may stay behind. Nothing happens when there is none.
 */
export async function stopTestKit(options: StopOptions = {}): Promise<void> {
  const directory = options.directory ?? usualDirectory();
  const address = await findHost(directory);
  if (!address) return;
  const { url, key, pid } = address;
  const init = { method: "POST", headers: { authorization: `Bearer ${key}` } };
  // It may be ending already.
  await fetch(`${url}/kit/stop`, init).catch(() => undefined);
  while (isAlive(pid)) await pause(lookEveryMs);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
