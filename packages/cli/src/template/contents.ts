import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import nodePath from "node:path";
import { templateChunkBytes } from "@tenantry/contract";
import { unreadable } from "../files.ts";
import { refusal } from "../problem.ts";

/** A file's content as the API takes it: its length, and the hash of each part. */
export type Content = { size: number; chunks: string[] };

/** Reads a file once, a part at a time. */
export async function describeContent(file: string): Promise<Content> {
  const content: Content = { size: 0, chunks: [] };
  for await (const bytes of partsOf(file)) {
    content.size += bytes.length;
    content.chunks.push(createHash("sha256").update(bytes).digest("hex"));
  }
  return content;
}

export async function* partsOf(file: string): AsyncGenerator<Buffer> {
  const handle = await openFile(file);
  try {
    for (;;) {
      const part = await readPart(handle);
      if (part.length > 0) yield part;
      if (part.length < templateChunkBytes) return;
    }
  } finally {
    await handle.close();
  }
}

async function readPart(handle: FileHandle): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(templateChunkBytes);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function openFile(file: string): Promise<FileHandle> {
  return orUnreadable(file, open(file, "r"));
}

/** Every file below a directory, with its path in it, in the order of their names. */
export async function filesBelow(directory: string): Promise<{ key: string; file: string }[]> {
  const found = await orUnreadable(directory, readdir(directory, { recursive: true, withFileTypes: true }));
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => nodePath.join(entry.parentPath, entry.name))
    .map((file) => ({ file, key: nodePath.relative(directory, file).split(nodePath.sep).join("/") }))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** The files of SQL that a path means: itself, or those in the directory that it is, by name. */
export async function sqlFilesAt(path: string): Promise<string[]> {
  if (!(await orUnreadable(path, stat(path))).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(".sql")).sort();
  if (names.length === 0) throw refusal("file_unreadable", `There is no .sql file in ${path}.`);
  return names.map((name) => nodePath.join(path, name));
}

async function orUnreadable<Result>(path: string, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const types: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".css": "text/css; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".gif": "image/gif",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webm": "video/webm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
  ".xml": "application/xml",
};

/** By its ending; bytes of no known kind otherwise. */
export function contentTypeOf(name: string): string {
  return types[nodePath.extname(name).toLowerCase()] ?? "application/octet-stream";
}
