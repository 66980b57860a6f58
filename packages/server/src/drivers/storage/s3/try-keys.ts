import { randomBytes } from "node:crypto";
import {
  createS3KeySource,
  emptyS3Storage,
  meansS3,
  openS3Storage,
  type S3Address,
  type S3Place,
  type S3Reach,
} from "@tenantry/data";
import { encodeUuid, newId } from "../../../kernel/index.ts";
import { deleteSmall, hasObject, putSmall } from "./buckets.ts";
import { makePrefixUser, removePrefixUser } from "./prefix-users.ts";
import { filesPrefix, keysOf, type S3Server, whatServerSaid } from "./server.ts";
import { assumeRole } from "./temporary-keys.ts";

type Candidate = Omit<S3Server, "id">;

/** What is wrong with a role; undefined when the keys that it gives hold. `warnings`: what should be known of them. */
export async function tryRole(
  server: Candidate,
  warnings: string[],
): Promise<{ pointer: string; message: string } | undefined> {
  const { role } = server;
  if (!role) return undefined;
  const pointer = "/roleArn";
  const [own, others] = trialPlaces(server);
  const name = own.prefix.slice(filesPrefix.length, -1);
  const ask = (lastsSeconds: number) => assumeRole({ ...server, role }, own, { name, lastsSeconds });
  try {
    await ask(900);
  } catch (error) {
    const said = whatServerSaid(error);
    if (said === undefined) throw error;
    const message = `It gives no keys for a time by this role (${said}): its STS has to be there, and the role let this key assume it.`;
    return { pointer, message };
  }
  const keys = { ...own, keySource: createS3KeySource(ask) };
  const wrong = await tryKeys(keys, others, warnings);
  return wrong === undefined ? undefined : { pointer, message: `The keys that this role gives ${wrong}` };
}

/**
 * Whether users may have policies of their own here, and whether the server holds to them. Says in `warnings` why not:
 * everything else can go on without.
 */
export async function tryPrefixUsers(server: Candidate, warnings: string[]): Promise<boolean> {
  const [own, others] = trialPlaces(server);
  const trial: S3Server = { ...server, id: newId() };
  const name = encodeUuid(trial.id);
  const place = { ...own, name, keys: keysOf(() => randomBytes(32), trial, name) };
  try {
    await makePrefixUser(trial, place);
    const wrong = await tryKeys({ ...own, ...place.keys.application }, others, warnings);
    if (wrong !== undefined) warnings.push(`Users of prefixes can't be had here: their keys ${wrong}`);
    return wrong === undefined;
  } catch (error) {
    const said = whatServerSaid(error);
    if (said === undefined) throw error;
    warnings.push(`The key can't give users policies (${said}): it needs the capability user-policy=*.`);
    return false;
  } finally {
    await removePrefixUser(trial, place);
  }
}

function trialPlaces(server: Candidate): [own: S3Place, others: S3Place] {
  const trial = () => ({ ...server, prefix: `${filesPrefix}trial-${newId()}/` });
  return [trial(), trial()];
}

/** Uses keys in their own place, and in another's; says what is wrong with them. */
async function tryKeys(own: S3Reach, others: S3Place, warnings: string[]): Promise<string | undefined> {
  try {
    await putSmall(others, `${others.prefix}there`, "a neighbour's");
    return (await tryOwn(own)) ?? (await tryOthers(own, others, warnings));
  } finally {
    await deleteSmall(others, `${others.prefix}there`).catch(() => undefined); // The first error says what is wrong.
    await emptyS3Storage({ ...others, prefix: own.prefix }).catch(() => false);
  }
}

async function tryOwn(own: S3Reach): Promise<string | undefined> {
  const storage = openS3Storage(own);
  try {
    await storage.put("a", "mine");
    await storage.head("a");
    const { items } = await storage.list();
    await storage.delete("a");
    return items.length === 1 ? undefined : "don't list what they wrote.";
  } catch (error) {
    const said = whatServerSaid(error);
    if (said === undefined) throw error;
    return `can't be used in their own place (${said}).`;
  }
}

async function tryOthers(own: S3Reach, others: S3Address, warnings: string[]): Promise<string | undefined> {
  const storage = openS3Storage({ ...own, prefix: others.prefix });
  const attempts = {
    read: () => storage.get("there").then(({ body }) => body.destroy()),
    list: () => storage.list(),
    write: () => storage.put("there", "x"),
    delete: () => storage.delete("there"),
  };
  for (const [what, attempt] of Object.entries(attempts)) {
    if (!(await isDenied(attempt)))
      return `${what} the objects of others: the server doesn't hold to policies.`;
  }
  const missing = () => hasObject(own, `${others.prefix}missing`);
  if (!(await isDenied(missing))) warnings.push(tellsNames);
  return undefined;
}

const tellsNames =
  "Who guesses another environment's id and a file's name there can find out whether the file exists, nothing more: Ceph tells that to keys that a bucket's owner had made for a time.";

async function isDenied(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return false;
  } catch (error) {
    const cause = (error as Error).name === "StorageUnavailable" ? (error as Error).cause : error;
    if (meansS3(cause, "AccessDenied", 403)) return true;
    throw error;
  }
}
