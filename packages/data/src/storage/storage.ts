import type { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { SignDownloadOptions, SignedRequest, SignUploadOptions } from "./signed.ts";

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
  /** Changes whenever the content does. What it is made of is the store's business. */
  etag: string;
  contentType: string;
  /** What `put` answers may be a few seconds off: a store has a clock of its own. */
  modifiedAt: Date;
};

/** An object as a list shows it; `head` tells its type, too. */
export type ListedObject = Omit<StoredObject, "contentType">;

export type PutOptions = {
  /** `application/octet-stream` when left out. */
  contentType?: string;
  /** More bytes than this throw `ObjectTooLarge`. */
  maxBytes?: number;
  signal?: AbortSignal;
};

/** The first and the last byte wanted, both inclusive as in HTTP; to the end when `end` is left out or lies behind it. */
export type ByteRange = { start: number; end?: number };

export type GetOptions = {
  range?: ByteRange;
  /** An etag: another version throws `ObjectChanged`, so that parts read one after another are of one object. */
  ifMatch?: string;
};

export type ObjectContent = StoredObject & {
  /** What `body` holds when a range was asked for. */
  range?: { start: number; end: number };
  /** Read it to its end or destroy it: it holds a file or a connection open. */
  body: Readable;
};

export type ListOptions = {
  /** Only keys that begin so; it needs not end at a `/`. */
  prefix?: string;
  /** 1 to 1,000; 100 when left out. */
  limit?: number;
  cursor?: string;
};

export type ObjectPage = { items: ListedObject[]; nextCursor: string | undefined };

export type StorageUsage = { bytes: number; objects: number };

/**
 * The files of one environment. Keys are relative paths with `/` between the parts (`media/2026/logo.png`); one that
 * could leave the environment's space throws `UnsafeKey` before anything is touched. Every method may be repeated.
 */
export type Storage = {
  /** Stores the whole body or nothing; replaces what stood under the key, for readers in one instant. It lasts from then on. */
  put(key: string, body: StorageBody, options?: PutOptions): Promise<StoredObject>;
  /** Throws `ObjectNotFound`, `ObjectChanged`, or `RangeNotSatisfiable`. */
  get(key: string, options?: GetOptions): Promise<ObjectContent>;
  /** Throws `ObjectNotFound`. */
  head(key: string): Promise<StoredObject>;
  /** Removes the object; one that isn't there is no error. */
  delete(key: string): Promise<void>;
  /** In the order of the keys' UTF-8 bytes. Objects put or deleted meanwhile may or may not show; others always do. */
  list(options?: ListOptions): Promise<ObjectPage>;
  /** Counts every object: takes time in proportion to their number. */
  usage(): Promise<StorageUsage>;
  /** A request that gives this object, as it is then, to whoever makes it. Asks nobody: the object may be absent. */
  signDownload(key: string, options?: SignDownloadOptions): Promise<SignedRequest>;
  /** A request that puts this object, of that type and length. Asks nobody. */
  signUpload(key: string, options: SignUploadOptions): Promise<SignedRequest>;
};
