import { createHash, type Hash } from "node:crypto";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { partLength } from "./parts.ts";

/** Of an object that is written in parts: says that they are as long as ours, so that its ETag can be worked out. */
export const partsMark = { "tenantry-parts": "1" };

/** Counts a body's bytes as they come; `holds` tells at the end whether it is what its ETag says. */
export type ContentCheck = { add(bytes: Uint8Array): void; holds(): boolean };

type Answer = Pick<
  GetObjectCommandOutput,
  "ETag" | "ContentRange" | "Metadata" | "ServerSideEncryption" | "SSECustomerAlgorithm"
>;

/**
 * For an answer whose ETag is a digest of the whole content: the MD5 of what was written at once, or of our own parts'.
 * Undefined for all others: a range, what somebody else wrote in parts, and what the store encrypts by keys that others
 * give it, where ETags mean nothing.
 */
export function contentCheckOf(answer: Answer): ContentCheck | undefined {
  const { ETag = "", ContentRange, Metadata, ServerSideEncryption, SSECustomerAlgorithm } = answer;
  if (ContentRange !== undefined || SSECustomerAlgorithm || ServerSideEncryption?.startsWith("aws:kms")) {
    return undefined;
  }
  const [, digest, parts] = /^"?([0-9a-f]{32})(?:-(\d+))?"?$/.exec(ETag) ?? [];
  if (digest === undefined) return undefined;
  if (parts === undefined) return wholeCheck(digest);
  const areOurs = Object.entries(partsMark).every(([name, value]) => Metadata?.[name] === value);
  return areOurs ? partsCheck(digest, Number(parts)) : undefined;
}

function wholeCheck(digest: string): ContentCheck {
  const hash = createHash("md5");
  return { add: (bytes) => void hash.update(bytes), holds: () => hash.digest("hex") === digest };
}

function partsCheck(digest: string, parts: number): ContentCheck {
  const all = createHash("md5");
  let [part, number, room]: [Hash, number, number] = [createHash("md5"), 1, partLength(1)];
  const endPart = () => {
    all.update(part.digest());
    number += 1;
    [part, room] = [createHash("md5"), partLength(number)];
  };
  return {
    add(bytes) {
      for (let rest = bytes; rest.byteLength > 0; ) {
        const taken = rest.subarray(0, room);
        part.update(taken);
        room -= taken.byteLength;
        rest = rest.subarray(taken.byteLength);
        if (room === 0) endPart();
      }
    },
    holds() {
      if (room < partLength(number)) endPart();
      // Copied since then by somebody who kept the mark and made other parts: nothing can be said.
      return number - 1 !== parts || all.digest("hex") === digest;
    },
  };
}
