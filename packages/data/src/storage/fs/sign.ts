import { createHmac, timingSafeEqual } from "node:crypto";
import { InvalidArgument } from "../../errors.ts";
import { checkContentType } from "../content-type.ts";
import { isKey } from "../key.ts";
import {
  checkBytes,
  checkExpiry,
  type SignDownloadOptions,
  type SignedRequest,
  type SignUploadOptions,
} from "../signed.ts";

/** Where an application answers signed requests for files that lie on a disk. */
export const signedFilesPath = "/.tenantry/files/";

/** What a signed request allows. */
export type Allowed =
  | { method: "GET"; key: string }
  | { method: "PUT"; key: string; contentType: string; bytes: number };

export function signFsDownload(signingKey: string, key: string, options: SignDownloadOptions): SignedRequest {
  return sign(signingKey, { method: "GET", key }, checkExpiry(options.expiresInSeconds));
}

export function signFsUpload(signingKey: string, key: string, options: SignUploadOptions): SignedRequest {
  const [contentType, bytes] = [checkContentType(options.contentType), checkBytes(options.bytes)];
  return sign(signingKey, { method: "PUT", key, contentType, bytes }, checkExpiry(options.expiresInSeconds));
}

function sign(signingKey: string, allowed: Allowed, expiresInSeconds: number): SignedRequest {
  if (signingKey === "") throw new InvalidArgument("Files here can't be signed for.");
  const expires = Math.floor(Date.now() / 1_000) + expiresInSeconds;
  const upload: Record<string, string> =
    allowed.method === "PUT" ? { type: allowed.contentType, bytes: String(allowed.bytes) } : {};
  const signature = macOf(signingKey, allowed, expires).toString("base64url");
  const query = new URLSearchParams({ expires: String(expires), ...upload, signature });
  const path = allowed.key.split("/").map(encodeURIComponent).join("/");
  const headers: Record<string, string> =
    allowed.method === "PUT"
      ? { "content-type": allowed.contentType, "content-length": String(allowed.bytes) }
      : {};
  const url = `${signedFilesPath}${path}?${query}`;
  return { method: allowed.method, url, headers, expiresAt: new Date(expires * 1_000) };
}

/** What a request allows that was signed with this key and hasn't expired; undefined for any other. */
export function readSigned(signingKey: string, method: string, target: string): Allowed | undefined {
  const url = URL.parse(target, "http://host");
  if (signingKey === "" || !url?.pathname.startsWith(signedFilesPath)) return undefined;
  const key = decode(url.pathname.slice(signedFilesPath.length));
  const expires = Number(url.searchParams.get("expires"));
  if (key === undefined || !isKey(key) || !Number.isSafeInteger(expires)) return undefined;
  const contentType = url.searchParams.get("type") ?? "";
  const bytes = Number(url.searchParams.get("bytes"));
  const isUpload = method === "PUT";
  if (!isUpload && method !== "GET" && method !== "HEAD") return undefined;
  const allowed: Allowed = isUpload ? { method: "PUT", key, contentType, bytes } : { method: "GET", key };
  const given = Buffer.from(url.searchParams.get("signature") ?? "", "base64url");
  const expected = macOf(signingKey, allowed, expires);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return Date.now() < expires * 1_000 ? allowed : undefined;
}

function macOf(signingKey: string, allowed: Allowed, expires: number): Buffer {
  const bound = allowed.method === "PUT" ? [allowed.contentType, allowed.bytes] : [];
  const text = JSON.stringify(["tenantry file 1", allowed.method, allowed.key, expires, ...bound]);
  return createHmac("sha256", signingKey).update(text).digest();
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // Not what we encoded, so not signed by us either.
  }
}
