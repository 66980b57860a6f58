import type { S3Place } from "@tenantry/data";
import type { BucketPlace } from "./own-bucket.ts";
import { filesPrefix, keysOf, requireForm, type S3Server, type UserKeys } from "./server.ts";

export type PrefixPlace = S3Place & { form: "prefix"; name: string; keys: UserKeys | undefined };
export type AnyPlace = BucketPlace | PrefixPlace;

export const hasUser = (place: PrefixPlace): place is PrefixPlace & { keys: UserKeys } =>
  place.keys !== undefined;

/** A place as we reach it: by the server's key, or by the keeper key of the user that a bucket has to itself. */
export function placeOf(server: S3Server, deriveKey: (purpose: string) => Buffer, name: string): AnyPlace {
  const form = requireForm(server, name);
  const { endpoint, region, accessKeyId, secretAccessKey, bucket } = server;
  const at = { endpoint, region, accessKeyId, secretAccessKey };
  const keys = () => keysOf(deriveKey, server, name);
  if (form === "prefix") {
    const prefix = `${filesPrefix}${name}/`;
    return { form, ...at, name, bucket, prefix, keys: server.prefixUsers ? keys() : undefined };
  }
  const own = server.users ? keys() : undefined;
  return { form, ...at, ...own?.keeper, bucket: name, prefix: "", keys: own };
}
