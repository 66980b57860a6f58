import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { ObjectTooLarge, StorageFull, type Tenantry } from "@tenantry/sdk";
import { maxUploadBytes, storageQuotaBytes } from "../limits.ts";
import { serializable } from "../transactions.ts";
import { type Sniffed, sniff, sniffBytes } from "./content-type.ts";
import { cleanFileName } from "./file-name.ts";
import {
  deleteMediaRow,
  insertReservation,
  markStored,
  selectAbandoned,
  selectMediaUsage,
} from "./media.sql.ts";
import { type MediaFile, storageKeyOf } from "./media.ts";
import { splitHead } from "./split-head.ts";

export type Upload = {
  /** What the browser says that it is called. */
  fileName: string;
  stream: Readable;
  /** No more bytes than this will come, if that is known. */
  atMostBytes: number | undefined;
  by: string;
};

export type UploadOutcome =
  | { kind: "stored"; id: string; name: string }
  | { kind: "empty"; name: string }
  | { kind: "too-large"; name: string; maxBytes: number }
  /** The site has no room for it. */
  | { kind: "full"; name: string; quotaBytes: number }
  /** The server has no room, whatever the site may store. */
  | { kind: "disk-full"; name: string };

/** An upload that lasts longer than this is over, and left its reservation behind. */
const abandonedAfterMs = 6 * 3600_000;

/** Stores a file as it comes, without ever holding more than its beginning in memory. What fails leaves nothing. */
export async function storeUpload(tenantry: Tenantry, upload: Upload): Promise<UploadOutcome> {
  const content = await splitHead(upload.stream, sniffBytes);
  try {
    const sniffed = await sniff(content.head);
    const name = cleanFileName(upload.fileName, sniffed.extension);
    if (content.head.length === 0) return { kind: "empty", name };
    const reservation = await reserve(tenantry, upload, { name, sniffed });
    if (reservation.kind === "full") return reservation;
    return await store(tenantry, { ...reservation, name, sniffed, whole: content.whole });
  } finally {
    await content.release();
  }
}

async function store(
  tenantry: Tenantry,
  file: { id: string; name: string; sniffed: Sniffed; maxBytes: number; whole: AsyncIterable<Uint8Array> },
): Promise<UploadOutcome> {
  const { id, name, sniffed, maxBytes, whole } = file;
  try {
    const options = { contentType: sniffed.contentType, maxBytes };
    const { size } = await tenantry.storage.put(storageKeyOf(id), whole, options);
    await markStored(tenantry.db, id, size);
    return { kind: "stored", id, name };
  } catch (error) {
    // What can't be cleared now is cleared by a later upload, as abandoned; the error to tell is the first one.
    await removeMedia(tenantry, id).catch(() => undefined);
    if (error instanceof StorageFull) return { kind: "disk-full", name };
    if (!(error instanceof ObjectTooLarge)) throw error;
    const limit = maxUploadBytes(tenantry.settings);
    if (maxBytes >= limit) return { kind: "too-large", name, maxBytes: limit };
    return { kind: "full", name, quotaBytes: storageQuotaBytes(tenantry.settings) };
  }
}

/** Removes a file. Repeatable. */
export async function removeMedia({ db, storage }: Tenantry, id: MediaFile["id"]): Promise<void> {
  // The row goes last: whoever is interrupted finds it, and tries again.
  await storage.delete(storageKeyOf(id));
  await deleteMediaRow(db, id);
}

type Reservation =
  | { kind: "reserved"; id: string; maxBytes: number }
  | { kind: "full"; name: string; quotaBytes: number };

/** Keeps room for the file, so that uploads at the same time together stay within the site's quota. */
async function reserve(
  tenantry: Tenantry,
  { atMostBytes = Number.POSITIVE_INFINITY, by }: Upload,
  { name, sniffed }: { name: string; sniffed: Sniffed },
): Promise<Reservation> {
  for (const id of await selectAbandoned(tenantry.db, new Date(Date.now() - abandonedAfterMs))) {
    await removeMedia(tenantry, id);
  }
  const quotaBytes = storageQuotaBytes(tenantry.settings);
  const id = randomUUID();
  return serializable(tenantry.db, async (tx): Promise<Reservation> => {
    const room = quotaBytes - (await selectMediaUsage(tx)).bytes;
    if (room <= 0) return { kind: "full", name, quotaBytes };
    const maxBytes = Math.min(maxUploadBytes(tenantry.settings), room);
    const size = Math.min(atMostBytes, maxBytes);
    await insertReservation(tx, { id, name, contentType: sniffed.contentType, size, createdBy: by });
    return { kind: "reserved", id, maxBytes: size };
  });
}
