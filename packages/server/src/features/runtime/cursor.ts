import { invalidField } from "../../kernel/index.ts";

/** Up to where a process has read: everything of lower versions, and of this version everything up to the id. */
export type RuntimeCursor = { version: number; id: string };

const lowestId = "00000000-0000-0000-0000-000000000000";
const highestId = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** Before everything. Rows that no stream has stamped yet are at version 0. */
export const beginning: RuntimeCursor = { version: -1, id: lowestId };

/** `7`: all of version 7 has been read. `7.<uuid>`: a page ended within it. */
export function readCursor(text: string): RuntimeCursor {
  const match = /^(\d{1,15})(?:\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?$/.exec(text);
  if (!match)
    throw invalidField("?since", "This isn't a cursor of the runtime snapshot.", "Ask without `since`.");
  return { version: Number(match[1]), id: match[2] ?? highestId };
}

export function writeCursor({ version, id }: { version: number; id?: string }): string {
  return id === undefined ? String(version) : `${version}.${id}`;
}
