import { afterEach, beforeEach, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { joinNodes } from "../../infra/nodes/index.ts";
import { createSecrets } from "../../infra/secrets/index.ts";
import { newId } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { findApp, recordRelease } from "./apps.ts";
import { selectRelease } from "./releases.sql.ts";
import { openVariables, sealPlainVariables } from "./variables.ts";

let registry: TestRegistry;
let appId: string;
const secrets = createSecrets(Buffer.alloc(32, 1));
const variables = { TOKEN: "a-token-that-nobody-may-read", COLOUR: "green ✓" };

beforeEach(async () => {
  registry = await testRegistry();
  appId = await insertTestApp(registry.db, "shop");
});
afterEach(() => registry.close());

/** A release as the API records it. */
async function record(): Promise<string> {
  const { id } = await inTransaction(registry.db, async (tx) =>
    recordRelease(tx, secrets, await findApp(tx, "shop"), {
      upstreamUrl: "http://127.0.0.1:1",
      healthPath: "/",
      migrations: [],
      variables,
    }),
  );
  return id;
}

/** A release as versions before recorded it. */
async function insertPlain(number: number): Promise<string> {
  const id = newId();
  await sql`
    insert into releases (id, app_id, number, upstream_url, variables, schema_version)
    values (${id}, ${appId}, ${number}, 'http://127.0.0.1:1', ${JSON.stringify(variables)}::jsonb, 0)
  `.execute(registry.db);
  return id;
}

/** The rows of all releases, as someone with a dump of the registry reads them; bytes as text as well. */
async function read(): Promise<string> {
  const { rows } = await sql<{ row: string; bytes: string }>`
    select r::text as row, encode(coalesce(variables_secret, ''), 'escape') as bytes from releases r
  `.execute(registry.db);
  return JSON.stringify(rows);
}

const opened = async (id: string) => openVariables(secrets, (await selectRelease(registry.db, id))!);

const olderNode = () =>
  joinNodes({ db: registry.db, log: silentLog, role: "worker", version: "0", schemaVersion: 3 });

it("a release's variables stand in the registry under the master key, and open for their own release alone", async () => {
  const id = await record();
  expect(await read()).not.toMatch(/TOKEN|nobody-may-read|green/);
  expect(await opened(id)).toEqual(variables);
  const row = (await selectRelease(registry.db, id))!;
  expect(() => openVariables(secrets, { ...row, id: newId() })).toThrow("belongs elsewhere");
  expect(() => openVariables(createSecrets(Buffer.alloc(32, 2)), row)).toThrow("master key");
});

it("variables from versions before are sealed once, by however many nodes, and read the same before and after", async () => {
  const ids = [await insertPlain(1), await insertPlain(2)];
  expect(await opened(ids[0]!)).toEqual(variables);
  const sealed = await Promise.all([1, 2, 3].map(() => sealPlainVariables({ db: registry.db, secrets })));
  expect(sealed.sort()).toEqual([0, 0, 2]);
  expect(await read()).not.toMatch(/TOKEN|nobody-may-read|green/);
  for (const id of ids) expect(await opened(id)).toEqual(variables);
});

it("while a node is there that can't read sealed variables they stay readable, until it is gone", async () => {
  const before = await insertPlain(1);
  const node = await olderNode();
  const meanwhile = await record();
  expect(await sealPlainVariables({ db: registry.db, secrets })).toBe(0);
  for (const id of [before, meanwhile]) expect(await opened(id)).toEqual(variables);
  expect((await read()).match(/nobody-may-read/g)).toHaveLength(2);
  await node.leave();
  expect(await sealPlainVariables({ db: registry.db, secrets })).toBe(2);
  expect(await read()).not.toContain("nobody-may-read");
  expect(await opened(meanwhile)).toEqual(variables);
});
