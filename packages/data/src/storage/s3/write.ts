import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { StorageBody, StoredObject } from "../storage.ts";
import { partsMark } from "./content-check.ts";
import { meansS3, speaking } from "./failures.ts";
import { type BodyLimits, partsOf } from "./parts.ts";
import { partDeadlineMs, requestDeadlineMs, type S3Reach, s3ClientOf, within } from "./place.ts";
import { headS3Object, plainEtag } from "./read.ts";

type Write = { place: S3Reach; key: string; contentType: string; signal: AbortSignal | undefined };

/**
 * Writes an object: in one request when it is small, else in parts that become an object at the end or not at all. Holds
 * two parts in memory: one is sent while the next one is read.
 */
export async function writeS3Object(
  place: S3Reach,
  key: string,
  body: StorageBody,
  options: BodyLimits & { contentType: string },
): Promise<StoredObject> {
  const write = { place, key, contentType: options.contentType, signal: options.signal };
  const parts = partsOf(key, body, options);
  const counted = { size: 0 };
  try {
    const first = (await parts.next()).value!;
    counted.size = first.length;
    const second = await parts.next();
    const etag = second.done
      ? await putWhole(write, first)
      : await putParts(write, counted, first, second.value, parts);
    const { contentType } = options;
    return { key, size: counted.size, etag, contentType, modifiedAt: new Date() };
  } finally {
    await parts.return(undefined);
  }
}

const target = ({ place, key }: Write) => ({ Bucket: place.bucket, Key: place.prefix + key });

async function putWhole(write: Write, bytes: Buffer): Promise<string> {
  const command = new PutObjectCommand({ ...target(write), Body: bytes, ContentType: write.contentType });
  const { key, signal } = write;
  const send = () => s3ClientOf(write.place).send(command, within(partDeadlineMs, signal));
  return plainEtag((await speaking(key, send, signal)).ETag);
}

async function putParts(
  write: Write,
  counted: { size: number },
  first: Buffer,
  second: Buffer,
  rest: AsyncIterable<Buffer>,
): Promise<string> {
  const { place, key, signal } = write;
  const client = s3ClientOf(place);
  const { contentType: ContentType } = write;
  const begin = new CreateMultipartUploadCommand({ ...target(write), ContentType, Metadata: partsMark });
  const begun = await speaking(key, () => client.send(begin, within(requestDeadlineMs, signal)), signal);
  const upload = { ...target(write), UploadId: begun.UploadId! };
  const sent: { PartNumber: number; ETag: string }[] = [];
  const send = async (PartNumber: number, Body: Buffer) => {
    const command = new UploadPartCommand({ ...upload, PartNumber, Body });
    const answer = await speaking(key, () => client.send(command, within(partDeadlineMs, signal)), signal);
    sent.push({ PartNumber, ETag: answer.ETag! });
  };
  try {
    await send(1, first);
    let [number, onItsWay] = [2, send(2, second)];
    counted.size += second.length;
    // Looked at again below; the body may fail first.
    onItsWay.catch(() => undefined);
    for await (const part of rest) {
      await onItsWay;
      counted.size += part.length;
      number += 1;
      onItsWay = send(number, part);
      onItsWay.catch(() => undefined);
    }
    await onItsWay;
    signal?.throwIfAborted();
    return await complete(write, upload, sent);
  } catch (error) {
    // The parts of an upload that can't be given up now are removed by tidying; the error to tell is the first one.
    const giveUp = new AbortMultipartUploadCommand(upload);
    await client.send(giveUp, within(requestDeadlineMs)).catch(() => undefined);
    throw error;
  }
}

async function complete(
  write: Write,
  upload: { Bucket: string; Key: string; UploadId: string },
  Parts: { PartNumber: number; ETag: string }[],
): Promise<string> {
  const { place, key, signal } = write;
  const command = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
  try {
    const answer = await s3ClientOf(place).send(command, within(partDeadlineMs, signal));
    // Older gateways of Ceph don't say it here.
    return plainEtag(answer.ETag) || (await headS3Object(place, key)).etag;
  } catch (error) {
    // The first answer got lost: the upload is an object already.
    if (meansS3(error, "NoSuchUpload")) {
      const { etag } = await headS3Object(place, key);
      if (etag === etagOfParts(Parts)) return etag;
    }
    return speaking(key, () => Promise.reject(error), signal);
  }
}

function etagOfParts(parts: readonly { ETag: string }[]): string {
  const hash = createHash("md5");
  for (const { ETag } of parts) hash.update(Buffer.from(plainEtag(ETag), "hex"));
  return `${hash.digest("hex")}-${parts.length}`;
}
