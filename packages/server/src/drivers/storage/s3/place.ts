import type { S3Place } from "@tenantry/data";
import type { BucketPlace } from "./own-bucket.ts";
import { filesPrefix, keysOf, requireForm, type S3Server, type UserKeys } from "./server.ts";

export type PrefixPlace = S3Place & { form: "prefix"; name: string; keys: UserKeys | undefined };
export type AnyPlace = BucketPlace | PrefixPlace;

export const hasUser = (place: PrefixPlace): place is PrefixPlace & { keys: UserKeys } =>
  place.keys !== undefined;

/**
 * A place as we reach it: by the keeper key of the environment's own user, to whom the objects belong that it put, or by
 * the server's where there is none.
 */
export function placeOf(server: S3Server, deriveKey: (purpose: string) => Buffer, name: string): AnyPlace {
  const form = requireForm(server, name);
  const { endpoint, region, accessKeyId, secretAccessKey, bucket } = server;
  const at = { endpoint, region, accessKeyId, secretAccessKey };
  const keys = () => keysOf(deriveKey, server, name);
  if (form === "prefix") {
    const prefix = `${filesPrefix}${name}/`;
    const own = server.prefixUsers ? keys() : undefined;
    return { form, ...at, ...own?.keeper, name, bucket, prefix, keys: own };
  }
  const own = server.users ? keys() : undefined;
  return { form, ...at, ...own?.keeper, bucket: name, prefix: "", keys: own };
}
