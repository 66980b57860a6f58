import { openS3Storage } from "@tenantry/data";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFsStorageDriver, type S3Server } from "../../drivers/storage/index.ts";
import { makeBucket } from "../../drivers/storage/s3/buckets.ts";
import { askCeph, askCephIam, hasCephName } from "../../drivers/storage/s3/ceph-api.ts";
import { listCephUsers } from "../../drivers/storage/s3/ceph-users.ts";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { createSecrets } from "../../infra/secrets/index.ts";
import { newId } from "../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../testing/ceph.ts";
import { faultyProxy } from "../../testing/faulty-proxy.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { createStoragePlaces, openS3Server, type StoragePlaces } from "./places.ts";
import { selectStorageServer } from "./servers.sql.ts";
import { addStorageServer, removeStorageServer } from "./servers.ts";
import { checkStorages, settleStorages } from "./upkeep.ts";

const secrets = createSecrets(Buffer.alloc(32, 7));
const installationId = newId();
let ceph: TestCeph;
let house: TestPlacements;
let places: StoragePlaces;
let appId: string;

beforeAll(async () => {
  places = createStoragePlaces({ secrets, disk: createFsStorageDriver({ root: "/nowhere" }) });
  [ceph, house] = await Promise.all([testCeph(), testPlacements({ places })]);
  appId = await insertApp(house.db);
});
afterAll(async () => {
  await house?.close();
  await ceph?.stop();
});

/** What registering says, with a bucket that stands. */
async function request(change: Partial<Parameters<typeof addStorageServer>[1]> = {}) {
  const name = `files-${newId().slice(-12)}`;
  const { endpoint, admin } = ceph;
  await makeBucket({ endpoint, region: "us-east-1", bucket: name, ...admin });
  const plain = {
    name,
    endpoint,
    bucket: name,
    signingRegion: "us-east-1",
    purpose: "shared" as const,
    capacity: 10,
  };
  return { ...plain, ...admin, ...change };
}

const parts = () => ({ db: house.db, secrets, installationId });
const add = async (change?: Parameters<typeof request>[0]) =>
  addStorageServer(parts(), await request(change));

async function placeOf(environmentId: string): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select physical_name as name from placements where environment_id = ${environmentId} and kind = 'storage'
  `.execute(house.db);
  return rows[0]!.name;
}

/** Gives a place's user a key more, and takes its policy: Ceph forgets that by itself when it is given a key by hand. */
async function spoil(server: S3Server, place: string): Promise<void> {
  const users = await listCephUsers(server);
  const uid = users.find((user) => user.endsWith(place))!;
  const key = { "access-key": `STRANGE${newId().slice(-12)}`, "secret-key": "strange" };
  await askCeph(server, "PUT", "/admin/user", { key: "", uid, ...key, "generate-key": "false" });
  const policy = { Action: "DeleteUserPolicy", UserName: uid, PolicyName: "tenantry" };
  await askCephIam(server, policy).catch((error: unknown) => {
    // A bucket's user has none: the bucket is its own.
    if (!hasCephName(error, "NoSuchEntity")) throw error;
  });
}

/** The server as a driver takes it. */
async function serverCalled(name: string): Promise<S3Server> {
  return openS3Server(secrets, (await selectStorageServer(house.db, { name }))!);
}

function placed(environmentId: string, level: string, region?: string) {
  return house.run((context) => house.placements.placeStorage(context, { environmentId, level, region }));
}

async function locationOf(environmentId: string) {
  return (await house.placements.runtimePlaces(house.db, [environmentId])).get(environmentId)!.storage;
}

const removed = (environmentId: string) =>
  house.run((context) => house.placements.removePlacements(context, { environmentId, kind: "storage" }));

test("what keeps a server from being used is told with its field, and nothing is saved", async () => {
  const others = await ceph.addUser();
  const foreign = await request();
  await addStorageServer({ ...parts(), installationId: newId() }, foreign);
  const powerless = await request(others);
  await makeBucket({ ...powerless, region: "us-east-1", bucket: `${powerless.bucket}-theirs` });
  for (const [pointer, change] of [
    ["/secretAccessKey", { secretAccessKey: "another" }],
    ["/accessKeyId", { accessKeyId: "nobody" }],
    ["/bucket", { bucket: "there-is-none" }],
    ["/bucket", others],
    ["/bucket", { bucket: foreign.bucket }],
    ["/endpoint", { endpoint: "http://127.0.0.1:1" }],
    ["/endpoint", { endpoint: ceph.endpoint.replace("http", "https") }],
    ["/users", { ...others, bucket: `${powerless.bucket}-theirs`, users: "ceph" as const }],
  ] as const) {
    const asked = await request(change);
    await expect(addStorageServer(parts(), asked), pointer).rejects.toMatchObject({
      code: "server_unreachable",
      details: { errors: [{ pointer }] },
    });
    const { rows } = await sql`select from storage_servers where name = ${asked.name}`.execute(house.db);
    expect(rows).toEqual([]);
  }
});

test("a server whose answers aren't what their ETags say isn't registered", async () => {
  const proxy = await faultyProxy(ceph.endpoint);
  try {
    proxy.fault = ({ method, url }) =>
      method === "GET" && url.includes("/trial-") ? "garble answer" : "pass";
    await expect(add({ endpoint: proxy.url })).rejects.toMatchObject({
      code: "server_unreachable",
      details: { errors: [{ pointer: "/endpoint", message: expect.stringContaining("ETag") }] },
    });
  } finally {
    await proxy.stop();
  }
});

test("one server can't be registered twice, and its secret is nowhere in the registry", async () => {
  const asked = await request();
  const added = await addStorageServer(parts(), asked);
  expect(added).toMatchObject({ levels: ["prefix", "bucket"], environments: 0 });
  expect(added.warnings).toEqual([expect.stringMatching(/At prefix and bucket applications get this key/)]);
  const again = addStorageServer(parts(), { ...asked, name: "another" });
  await expect(again).rejects.toMatchObject({ code: "name_taken" });
  const { rows } = await sql<{ text: string }>`
    select s::text as text from storage_servers s where name = ${asked.name}
  `.execute(house.db);
  expect(rows[0]!.text).not.toContain(asked.secretAccessKey);
  expect(JSON.stringify(added)).not.toContain(asked.secretAccessKey);
  await removeStorageServer(parts(), asked.name);
  // The bucket is free again, for another installation, too.
  await addStorageServer({ ...parts(), installationId: newId() }, asked);
});

test("who makes users gives each prefix a key of its own, and is told when its key can't", async () => {
  const able = await add({ users: "ceph" });
  expect(able).toMatchObject({ keys: { prefix: "user", bucket: "user" }, warnings: [] });
  const bounded = await ceph.addUser("users=*;buckets=*;metadata=read");
  const asked = await request({ users: "ceph" });
  const other = { ...asked, ...bounded, bucket: `${asked.bucket}-b`, name: `${asked.name}-b` };
  await makeBucket({ ...other, region: "us-east-1" });
  const { uid, ...keys } = other as typeof other & { uid: string };
  const added = await addStorageServer(parts(), keys);
  expect(added.keys).toEqual({ prefix: "server", bucket: "user" });
  expect(added.warnings).toEqual([
    expect.stringMatching(/can't give users policies .*user-policy=\*/),
    expect.stringMatching(/^At prefix applications get this key/),
  ]);
  const at = { ...keys, id: newId(), region: "us-east-1", users: "ceph" as const };
  expect(await listCephUsers(at)).not.toEqual(
    expect.arrayContaining([expect.stringContaining(other.bucket)]),
  );
  for (const { name } of [able, added]) await removeStorageServer(parts(), name);
});

test("a suspended tenant's key is shut out on its server, at prefix and bucket, and let in again", async () => {
  const { name } = await add({ region: "venus-b", users: "ceph" });
  const ids = [await insertEnvironment(house.db, appId), await insertEnvironment(house.db, appId)];
  await placed(ids[0]!, "prefix", "venus-b");
  await placed(ids[1]!, "bucket", "venus-b");
  const settle = () =>
    settleStorages(places, { db: house.db, log: silentLog, signal: new AbortController().signal });
  const tenants = sql`(select tenant_id from environments where id = any (${ids}::uuid[]))`;
  const become = (status: string) =>
    sql`update tenants set status = ${status} where id in ${tenants}`.execute(house.db);
  const files = async () =>
    Promise.all(
      ids.map(async (id) => {
        const at = (await locationOf(id))!;
        if (!("accessKeyId" in at)) throw new Error("Each has a key that stays.");
        return openS3Storage(at);
      }),
    );
  for (const storage of await files()) await storage.put("a", "x");
  await become("suspended");
  await settle();
  for (const storage of await files()) {
    await expect(storage.get("a")).rejects.toMatchObject({ cause: { name: "InvalidAccessKeyId" } });
  }
  await become("active");
  await settle();
  for (const storage of await files()) expect((await storage.list()).items).toHaveLength(1);
  for (const id of ids) await removed(id);
  await removeStorageServer(parts(), name);
});

test("what was changed on a server of a tenant's key is put back and told; a suspended tenant's stays shut out", async () => {
  const { name } = await add({ region: "venus-c", users: "ceph" });
  const at: Record<"prefix" | "bucket" | "away", string> = { prefix: "", bucket: "", away: "" };
  for (const key of ["prefix", "bucket", "away"] as const) {
    at[key] = await insertEnvironment(house.db, appId);
    await placed(at[key], key === "bucket" ? "bucket" : "prefix", "venus-c");
  }
  await sql`update environments set status = 'ready' where id = any (${Object.values(at)}::uuid[])`.execute(
    house.db,
  );
  await sql`update tenants t set status = 'active' from environments e
    where e.tenant_id = t.id and e.id = any (${Object.values(at)}::uuid[])`.execute(house.db);
  const storage = async (id: string) => {
    const location = (await locationOf(id))!;
    if (!("accessKeyId" in location)) throw new Error("Each has a key that stays.");
    return openS3Storage(location);
  };
  const check = () =>
    checkStorages(places, { db: house.db, log: silentLog, signal: new AbortController().signal });
  const told = async (id: string) => {
    const { rows } = await sql<{ data: { problems: string[] } }>`
      select data from events where type = 'storage.repaired' and environment_id = ${id}`.execute(house.db);
    return rows.map(({ data }) => data.problems);
  };
  for (const id of Object.values(at)) await (await storage(id)).put("a", "x");
  await check();
  expect(await told(at.prefix)).toEqual([]);
  for (const id of Object.values(at)) await spoil(await serverCalled(name), await placeOf(id));
  await expect((await storage(at.prefix)).put("b", "y")).rejects.toMatchObject({
    code: "storage_unavailable",
  });
  await sql`update tenants t set status = 'suspended' from environments e
    where e.tenant_id = t.id and e.id = ${at.away}`.execute(house.db);
  await check();
  for (const id of [at.prefix, at.bucket]) {
    expect((await (await storage(id)).list()).items).toHaveLength(1);
    expect(await told(id)).toEqual([expect.arrayContaining([expect.stringContaining("didn't make")])]);
  }
  await expect((await storage(at.away)).put("b", "y")).rejects.toMatchObject({ code: "storage_unavailable" });
  expect(await told(at.away)).toEqual([]);
  await check();
  expect(await told(at.prefix)).toHaveLength(1);
  for (const id of Object.values(at)) await removed(id);
  await removeStorageServer(parts(), name);
});

test("files go to a server of the region, each level where it is offered, and are gone when they are removed", async () => {
  const { name, bucket } = await add({ region: "mars", users: "ceph" });
  expect(await places.levels(house.db)).toEqual(expect.arrayContaining(["prefix", "bucket"]));
  const [first, second] = [
    await insertEnvironment(house.db, appId),
    await insertEnvironment(house.db, appId),
  ];
  await placed(first, "prefix", "mars");
  const { physicalName } = await placed(second, "bucket", "mars");
  expect(physicalName.startsWith(`${bucket}-`)).toBe(true);
  expect(await locationOf(first)).toMatchObject({
    driver: "s3",
    bucket,
    prefix: expect.stringMatching(/^files\//),
  });
  const own = (await locationOf(second))!;
  expect(own).toMatchObject({ driver: "s3", bucket: physicalName, prefix: "" });
  if ("accessKeyId" in own) expect(own.accessKeyId).not.toBe(ceph.admin.accessKeyId);
  await expect(placed(await insertEnvironment(house.db, appId), "prefix", "venus")).rejects.toMatchObject({
    code: "no_capacity",
  });
  await expect(removeStorageServer(parts(), name)).rejects.toMatchObject({ code: "illegal_transition" });
  for (const environmentId of [first, second]) await removed(environmentId);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  await removeStorageServer(parts(), name);
});

test("a server of a tenant's own is nobody else's, before and after the tenant uses it", async () => {
  const [mine, other] = [await insertEnvironment(house.db, appId), await insertEnvironment(house.db, appId)];
  const { rows } = await sql<{ slug: string }>`
    select t.slug from environments e join tenants t on t.id = e.tenant_id where e.id = ${mine}
  `.execute(house.db);
  const { name, bucket } = await add({ purpose: "own", tenant: rows[0]!.slug.slice(0, 50) });
  await sql`update tenants set slug = ${rows[0]!.slug.slice(0, 50)} where slug = ${rows[0]!.slug}`.execute(
    house.db,
  );
  await expect(placed(other, "own")).rejects.toMatchObject({ code: "no_capacity" });
  expect(await places.levels(house.db)).toContain("own");
  await placed(mine, "own");
  // Refused when a tenant is asked for, rather than once it is half made.
  expect(await places.levels(house.db)).not.toContain("own");
  expect(await locationOf(mine)).toMatchObject({ driver: "s3", bucket });
  await expect(placed(other, "own")).rejects.toMatchObject({ code: "no_capacity" });
  await removed(mine);
  await removeStorageServer(parts(), name);
});
