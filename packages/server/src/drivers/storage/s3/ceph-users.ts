import { askCeph, hasCephName } from "./ceph-api.ts";
import type { S3Store, UserKeys } from "./store.ts";

type Key = UserKeys["keeper"];

/** Makes the user with both keys. One that is half made, or half removed, gets what it lacks. */
export async function makeCephUser(store: S3Store, uid: string, keys: UserKeys): Promise<void> {
  const made = {
    "display-name": "A tenant's files, by Tenantry",
    "max-buckets": "1",
    ...given(keys.keeper),
  };
  await askCeph(store, "PUT", "/admin/user", { uid, ...made }).catch((error: unknown) => {
    if (!hasCephName(error, "UserAlreadyExists", "UserExists", "KeyExists")) throw error;
  });
  const present = (await cephKeysOf(store, uid)) ?? [];
  for (const key of [keys.keeper, keys.application]) {
    if (present.includes(key.accessKeyId)) continue;
    await askCeph(store, "PUT", "/admin/user", { key: "", uid, ...given(key) });
  }
}

const given = ({ accessKeyId, secretAccessKey }: Key) => ({
  ...{ "access-key": accessKeyId, "secret-key": secretAccessKey, "generate-key": "false" },
});

/** From then on nobody gets in with the key. */
export async function removeCephKey(store: S3Store, uid: string, accessKeyId: string): Promise<void> {
  if (!(await cephKeysOf(store, uid))?.includes(accessKeyId)) return;
  await askCeph(store, "DELETE", "/admin/user", { key: "", uid, "access-key": accessKeyId }).catch(
    unlessAbsent,
  );
}

/** The user goes; its buckets have to be gone before. */
export async function removeCephUser(store: S3Store, uid: string): Promise<void> {
  await askCeph(store, "DELETE", "/admin/user", { uid }).catch(unlessAbsent);
}

/** The access keys of a user; undefined when there is none. */
export async function cephKeysOf(store: S3Store, uid: string): Promise<string[] | undefined> {
  const user = await askCeph(store, "GET", "/admin/user", { uid }).catch(unlessAbsent);
  return (user as { keys: { access_key: string }[] } | undefined)?.keys.map((key) => key.access_key);
}

/** Every bucket of the store, whoever owns it. */
export async function listCephBuckets(store: S3Store): Promise<string[]> {
  return (await askCeph(store, "GET", "/admin/bucket", {})) as string[];
}

/** Every user of the store. */
export async function listCephUsers(store: S3Store): Promise<string[]> {
  return (await askCeph(store, "GET", "/admin/metadata/user", {})) as string[];
}

/** The owner of a bucket; undefined when there is no such bucket. */
export async function cephOwnerOf(store: S3Store, bucket: string): Promise<string | undefined> {
  const found = await askCeph(store, "GET", "/admin/bucket", { bucket }).catch(unlessAbsent);
  return (found as { owner: string } | undefined)?.owner;
}

function unlessAbsent(error: unknown): undefined {
  if (!hasCephName(error, "NoSuchUser", "NoSuchBucket", "NoSuchKey", "InvalidAccessKeyId")) throw error;
}
