import { askCeph, hasCephName } from "./ceph-api.ts";
import type { S3Server, UserKeys } from "./server.ts";

type Key = UserKeys["keeper"];

/**
 * Makes the user with its keys, one at least. One that is half made, or half removed, gets what it lacks. `maxBuckets`:
 * so many it may make; below 0 none.
 */
export async function makeCephUser(
  server: S3Server,
  uid: string,
  { keys, maxBuckets }: { keys: readonly Key[]; maxBuckets: number },
): Promise<void> {
  const made = {
    "display-name": "A tenant's files, by Tenantry",
    "max-buckets": String(maxBuckets),
    ...given(keys[0]!),
  };
  await askCeph(server, "PUT", "/admin/user", { uid, ...made }).catch((error: unknown) => {
    if (!hasCephName(error, "UserAlreadyExists", "UserExists", "KeyExists")) throw error;
  });
  const present = (await cephKeysOf(server, uid)) ?? [];
  for (const key of keys) {
    if (present.includes(key.accessKeyId)) continue;
    await askCeph(server, "PUT", "/admin/user", { key: "", uid, ...given(key) });
  }
}

const given = ({ accessKeyId, secretAccessKey }: Key) => ({
  ...{ "access-key": accessKeyId, "secret-key": secretAccessKey, "generate-key": "false" },
});

/** Takes the user the keys that aren't among these. */
export async function removeOtherCephKeys(server: S3Server, uid: string, keys: readonly Key[]) {
  const ours = keys.map(({ accessKeyId }) => accessKeyId);
  for (const key of (await cephKeysOf(server, uid)) ?? []) {
    if (!ours.includes(key)) await removeCephKey(server, uid, key);
  }
}

/** From then on nobody gets in with the key. */
export async function removeCephKey(server: S3Server, uid: string, accessKeyId: string): Promise<void> {
  if (!(await cephKeysOf(server, uid))?.includes(accessKeyId)) return;
  await askCeph(server, "DELETE", "/admin/user", { key: "", uid, "access-key": accessKeyId }).catch(
    unlessAbsent,
  );
}

/** The user goes; its buckets have to be gone before. */
export async function removeCephUser(server: S3Server, uid: string): Promise<void> {
  await askCeph(server, "DELETE", "/admin/user", { uid }).catch(unlessAbsent);
}

/** The access keys of a user; undefined when there is none. */
export async function cephKeysOf(server: S3Server, uid: string): Promise<string[] | undefined> {
  const user = await askCeph(server, "GET", "/admin/user", { uid }).catch(unlessAbsent);
  return (user as { keys: { access_key: string }[] } | undefined)?.keys.map((key) => key.access_key);
}

/** Every bucket of the server, whoever owns it. */
export async function listCephBuckets(server: S3Server): Promise<string[]> {
  return (await askCeph(server, "GET", "/admin/bucket", {})) as string[];
}

/** Every user of the server. */
export async function listCephUsers(server: S3Server): Promise<string[]> {
  return (await askCeph(server, "GET", "/admin/metadata/user", {})) as string[];
}

/** The owner of a bucket; undefined when there is no such bucket. */
export async function cephOwnerOf(server: S3Server, bucket: string): Promise<string | undefined> {
  const found = await askCeph(server, "GET", "/admin/bucket", { bucket }).catch(unlessAbsent);
  return (found as { owner: string } | undefined)?.owner;
}

function unlessAbsent(error: unknown): undefined {
  if (!hasCephName(error, "NoSuchUser", "NoSuchBucket", "NoSuchKey", "InvalidAccessKeyId")) throw error;
}
