import type { TemporaryS3Keys } from "@tenantry/data";
import type { StorageLocation } from "../driver.ts";
import { removeCephKey, removeOtherCephKeys } from "./ceph-users.ts";
import { makeBucketUser } from "./own-bucket.ts";
import { type AnyPlace, hasUser } from "./place.ts";
import { makePrefixUser, shutOutPrefixUser, stripPrefixUser } from "./prefix-users.ts";
import { atServer, type S3Server } from "./server.ts";
import { assumeRole } from "./temporary-keys.ts";

/** Where an application finds a place, and with whose key. */
export function locationOf({ endpoint, region, role }: S3Server, place: AnyPlace): StorageLocation {
  const at = { driver: "s3", endpoint, region, bucket: place.bucket, prefix: place.prefix } as const;
  if (!place.keys && role) return { ...at, temporary: true };
  const { accessKeyId, secretAccessKey } = place.keys?.application ?? place;
  return { ...at, accessKeyId, secretAccessKey };
}

export async function giveTemporaryKeys(
  server: S3Server,
  place: AnyPlace,
  { name, lastsSeconds, signal }: { name: string; lastsSeconds: number; signal: AbortSignal },
): Promise<TemporaryS3Keys> {
  const { role } = server;
  if (place.keys || !role) throw new Error(`${name} is reached by a key that stays.`);
  const at = { ...server, role, signal };
  return atServer({ endpoint: role.endpoint, signal }, () => assumeRole(at, place, { name, lastsSeconds }));
}

/** Keys for a time run out by themselves, and the server's key isn't one environment's. */
export async function admitKey(server: S3Server, place: AnyPlace, admitted: boolean): Promise<void> {
  const { keys } = place;
  if (!keys) return;
  await atServer(server, async () => {
    if (place.form === "bucket") {
      const { bucket: uid } = place;
      if (admitted) await makeBucketUser(server, uid, keys);
      else await removeCephKey(server, uid, keys.application.accessKeyId);
    } else if (hasUser(place)) {
      if (admitted) await makePrefixUser(server, place);
      else await shutOutPrefixUser(server, place);
    }
  });
}

/**
 * Gives the environment's own user the rights that it was made with, and takes away what others gave it. Its key lets
 * nobody in for the moment that this takes.
 */
export async function repairKey(server: S3Server, place: AnyPlace): Promise<void> {
  const { keys } = place;
  if (!keys) return;
  await atServer(server, async () => {
    if (place.form === "bucket") await removeOtherCephKeys(server, place.bucket, [keys.keeper]);
    else if (hasUser(place)) await stripPrefixUser(server, place);
  });
  await admitKey(server, place, true);
}
