import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { OpenFile } from "./open-file.ts";

// Two numbers in a file's header that SQLite leaves to the application: ours say which database it is, so that a file that
// was swapped for another is found.
const userVersionAt = 60;
const applicationIdAt = 68;

function markOf(physicalName: string): { userVersion: number; applicationId: number } {
  const digest = createHash("sha256").update(physicalName).digest();
  return { userVersion: digest.readInt32BE(0), applicationId: digest.readInt32BE(4) };
}

/** Marks a file that nobody has open. Only one that isn't encrypted has a header that can be written. */
export async function markPlain(handle: FileHandle, physicalName: string): Promise<void> {
  const { userVersion, applicationId } = markOf(physicalName);
  // Between them stands whether the file is vacuumed bit by bit: ours never are.
  const numbers = Buffer.alloc(applicationIdAt + 4 - userVersionAt);
  numbers.writeInt32BE(userVersion);
  numbers.writeInt32BE(applicationId, applicationIdAt - userVersionAt);
  await handle.write(numbers, 0, numbers.length, userVersionAt);
}

export async function markOpen(file: OpenFile, physicalName: string): Promise<void> {
  const { userVersion, applicationId } = markOf(physicalName);
  await file.rows(`pragma user_version = ${userVersion}`);
  await file.rows(`pragma application_id = ${applicationId}`);
}

export async function isMarkedAs(file: OpenFile, physicalName: string): Promise<boolean> {
  const { userVersion, applicationId } = markOf(physicalName);
  const [[version] = []] = await file.rows("pragma user_version");
  const [[id] = []] = await file.rows("pragma application_id");
  return Number(version) === userVersion && Number(id) === applicationId;
}
