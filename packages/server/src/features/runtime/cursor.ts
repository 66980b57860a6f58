import { invalidField } from "../../kernel/index.ts";

/**
 * Up to where a process has read: everything of lower versions, and of this version everything up to the id. What was
 * removed it knows up to `removedVersion`.
 */
export type RuntimeCursor = { version: number; id: string; removedVersion: number };

const lowestId = "00000000-0000-0000-0000-000000000000";
const highestId = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** Before everything. Rows that no stream has stamped yet are at version 0. */
export const beginning: RuntimeCursor = { version: -1, id: lowestId, removedVersion: -1 };

/** `7`: all of version 7 has been read. `7.<uuid>.9`: a page ended within it, when 9 was the newest version. */
export function readCursor(text: string): RuntimeCursor {
  const match = /^(\d{1,15})(?:\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,15}))?$/.exec(text);
  if (!match)
    throw invalidField("?since", "This isn't a cursor of the runtime snapshot.", "Ask without `since`.");
  const version = Number(match[1]);
  return { version, id: match[2] ?? highestId, removedVersion: Number(match[3] ?? version) };
}

/** After all of a version. */
export function endCursor(version: number): string {
  return String(version);
}

/** After a page's last row; `newest` was the newest version when it was read. */
export function pageCursor(last: { version: number; id: string }, newest: number): string {
  return `${last.version}.${last.id}.${newest}`;
}
