import { InvalidArgument } from "../errors.ts";

/** A request that whoever has it may make until it expires, for one object and nothing else. */
export type SignedRequest = {
  method: "GET" | "PUT";
  /** Absolute, at the S3 server; or a path on any of the environment's own hosts. */
  url: string;
  /** To be sent with it, exactly so. */
  headers: Record<string, string>;
  expiresAt: Date;
};

export type SignDownloadOptions = {
  /** 1 to 604,800; 300 when left out. */
  expiresInSeconds?: number;
};

export type SignUploadOptions = SignDownloadOptions & {
  /** What the object will be, whatever the sender says. */
  contentType: string;
  /** Exactly so many bytes: more and fewer are refused. */
  bytes: number;
};

const week = 604_800;

export function checkExpiry(seconds = 300): number {
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= week) return seconds;
  throw new InvalidArgument("A signed request lasts a whole number of seconds, from 1 to 604,800.");
}

export function checkBytes(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw new InvalidArgument("A signed upload needs its whole number of bytes.");
}
