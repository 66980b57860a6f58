import type { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";

/** What `put` takes. A stream that fails leaves nothing behind. */
export type StorageBody =
  | string
  | Uint8Array
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

export type StoredObject = {
  key: string;
  /** Bytes. */
  size: number;
  /** Changes whenever the content does: SHA-256 in hex for what came through `put`. */
  etag: string;
  contentType: string;
  modifiedAt: Date;
};

export type PutOptions = {
  /** `application/octet-stream` when left out. */
  contentType?: string;
  /** More bytes than this throw `ObjectTooLarge`. */
  maxBytes?: number;
  signal?: AbortSignal;
};

/** The first and the last byte wanted, both inclusive as in HTTP; to the end when `end` is left out or lies behind it. */
export type ByteRange = { start: number; end?: number };

export type ObjectContent = StoredObject & {
  /** What `body` holds when a range was asked for. */
  range?: { start: number; end: number };
  /** Read it to its end or destroy it: it holds a file open. */
  body: Readable;
};

export type ListOptions = {
  /** Only keys that begin so; it needs not end at a `/`. */
  prefix?: string;
  /** 1 to 1,000; 100 when left out. */
  limit?: number;
  cursor?: string;
};

export type ObjectPage = { items: StoredObject[]; nextCursor: string | undefined };

export type StorageUsage = { bytes: number; objects: number };

/**
 * The files of one environment. Keys are relative paths with `/` between the parts (`media/2026/logo.png`); one that
 * could leave the environment's space throws `UnsafeKey` before anything is touched. Every method may be repeated.
 */
export type Storage = {
  /** Stores the whole body or nothing; replaces what stood under the key, for readers in one instant. Flushed to disk. */
  put(key: string, body: StorageBody, options?: PutOptions): Promise<StoredObject>;
  /** Throws `ObjectNotFound`, or `RangeNotSatisfiable`. */
  get(key: string, options?: { range?: ByteRange }): Promise<ObjectContent>;
  /** Throws `ObjectNotFound`. */
  head(key: string): Promise<StoredObject>;
  /** Removes the object; one that isn't there is no error. */
  delete(key: string): Promise<void>;
  /** In the order of the keys' UTF-8 bytes. Objects put or deleted meanwhile may or may not show; others always do. */
  list(options?: ListOptions): Promise<ObjectPage>;
  /** Counts every object: takes time in proportion to their number. */
  usage(): Promise<StorageUsage>;
};
