import type { S3Address } from "@tenantry/data";
import { askCephIam, hasCephName } from "./ceph-api.ts";
import {
  cephKeysOf,
  makeCephUser,
  removeCephKey,
  removeCephUser,
  removeOtherCephKeys,
} from "./ceph-users.ts";
import { userPolicy } from "./policy.ts";
import { prefixUserOf, type S3Server, type UserKeys } from "./server.ts";

const policyName = "tenantry";

/** A place at `prefix` whose environment has a user of its own, with a policy that ends where its prefix does. */
export type UserPlace = S3Address & { name: string; keys: UserKeys };

/** Repeatable; the policy becomes what it should be. */
export async function makePrefixUser(server: S3Server, place: UserPlace): Promise<void> {
  const UserName = prefixUserOf(server, place.name);
  const { keeper, application } = place.keys;
  // A user who may make no bucket: its files lie in ours.
  await makeCephUser(server, UserName, { keys: [keeper, application], maxBuckets: -1 });
  await givePolicy(server, place);
}

async function givePolicy(server: S3Server, place: UserPlace): Promise<void> {
  const [UserName, PolicyDocument] = [prefixUserOf(server, place.name), userPolicy(place)];
  await askCephIam(server, { Action: "PutUserPolicy", UserName, PolicyName: policyName, PolicyDocument });
}

/** The application's key lets nobody in any more; we still reach the files, which belong to the user that put them. */
export async function shutOutPrefixUser(server: S3Server, place: UserPlace): Promise<void> {
  const uid = prefixUserOf(server, place.name);
  await removeCephKey(server, uid, place.keys.application.accessKeyId);
  // Ceph forgot it with the key.
  if (await cephKeysOf(server, uid)) await givePolicy(server, place);
}

/** Takes away what others gave the user. What it lacks afterwards, `makePrefixUser` gives it. */
export async function stripPrefixUser(server: S3Server, { name, keys }: UserPlace): Promise<void> {
  const UserName = prefixUserOf(server, name);
  await removeOtherCephKeys(server, UserName, [keys.keeper]);
  if (!(await cephKeysOf(server, UserName))) return;
  for (const PolicyName of await policiesOf(server, UserName)) {
    await askCephIam(server, { Action: "DeleteUserPolicy", UserName, PolicyName });
  }
}

/** From then on nobody gets in with the environment's key. */
export async function removePrefixUser(server: S3Server, { name, keys }: UserPlace): Promise<void> {
  const uid = prefixUserOf(server, name);
  await removeCephKey(server, uid, keys.application.accessKeyId);
  await removeCephUser(server, uid);
}

export async function verifyPrefixUser(server: S3Server, place: UserPlace): Promise<string[]> {
  const uid = prefixUserOf(server, place.name);
  const present = await cephKeysOf(server, uid);
  if (!present) return [`The user ${uid} isn't there.`];
  const expected = [place.keys.application.accessKeyId, place.keys.keeper.accessKeyId];
  const wrong: string[] = [];
  if (expected.some((key) => !present.includes(key))) wrong.push(`The user ${uid} lacks a key.`);
  if (present.some((key) => !expected.includes(key))) {
    wrong.push(`The user ${uid} has a key that Tenantry didn't make.`);
  }
  const names = await policiesOf(server, uid);
  if (names.join() !== policyName) {
    wrong.push(`The user ${uid} has other policies than its own: ${names.join(", ") || "none"}.`);
  } else if ((await policyOf(server, uid)) !== userPolicy(place)) {
    wrong.push(`The policy of the user ${uid} was changed.`);
  }
  return wrong;
}

async function policiesOf(server: S3Server, UserName: string): Promise<string[]> {
  const asked = { Action: "ListUserPolicies", UserName };
  const answer = await askCephIam(server, asked).catch((error: unknown) => {
    // Ceph forgets a user's policies when somebody gives it a key, or takes one: then it may do nothing.
    if (!hasCephName(error, "NoSuchEntity")) throw error;
    return "";
  });
  return [...answer.matchAll(/<member>([^<]*)<\/member>/g)].map(([, name]) => name!);
}

async function policyOf(server: S3Server, UserName: string): Promise<string | undefined> {
  const asked = { Action: "GetUserPolicy", UserName, PolicyName: policyName };
  const document = /<PolicyDocument>([^<]*)</.exec(await askCephIam(server, asked))?.[1];
  return document?.replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}
