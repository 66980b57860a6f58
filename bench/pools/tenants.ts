import { randomUUID } from "node:crypto";
import type { DatabasePlacement } from "@tenantry/data";
import pg from "pg";
import type { SealedDatabase } from "../../packages/server/src/testing/sealed-database.ts";

export type Level = "shared" | "schema" | "database";
export type BenchTenant = {
  level: Level;
  placement: DatabasePlacement;
  /** Where a peer finds the tenant's rows, and the setting that its policy goes by. */
  peerUrl: string;
  id: string;
};

export type Counts = Record<Level, number>;

const rowsOf = "select n, 'note ' || n from generate_series(1, 100) n";

/** Databases, schemas and shared rows of so many tenants, made straight in PostgreSQL: the bench isn't about making them. */
export async function makeTenants(sealed: SealedDatabase, counts: Counts): Promise<BenchTenant[]> {
  const administrator = new pg.Client({ connectionString: sealed.superuserUrl });
  await administrator.connect();
  await administrator.query(`
    create role peer login password 'peer';
    grant connect, create on database ${pg.escapeIdentifier(nameOf(sealed.superuserUrl))} to peer;
    create schema peer;
    create table peer.notes (tenant uuid not null, id int not null, title text, primary key (tenant, id));
    alter table peer.notes enable row level security;
    create policy own on peer.notes using (tenant = current_setting('app.tenant')::uuid);
    grant usage on schema peer to peer; grant select on peer.notes to peer;
    grant execute on function set_config to peer`);
  await administrator.query("create database template_of_tenants");
  await inDatabase(sealed.superuserUrl, "template_of_tenants", async (client) => {
    await client.query(`create table notes (id int primary key, title text); insert into notes ${rowsOf}`);
    await client.query("grant select on notes to public");
  });
  const tenants: BenchTenant[] = [];
  for (const [level, count] of Object.entries(counts) as [Level, number][]) {
    for (let number = 0; number < count; number += 1) {
      tenants.push(await make[level](administrator, sealed, number));
    }
  }
  await administrator.query("analyze");
  await administrator.end();
  return tenants;
}

const make = { shared: makeShared, schema: makeSchema, database: makeDatabase };

async function makeShared(administrator: pg.Client, sealed: SealedDatabase): Promise<BenchTenant> {
  const id = randomUUID();
  for (const [table, key] of [
    ["peer.notes", "tenant"],
    ["notes", "tenantry_environment"],
  ]) {
    await administrator.query(
      `insert into ${table} (${key}, id, title) select $1, v.* from (${rowsOf}) v (id, title)`,
      [id],
    );
  }
  const { databaseId, key, url } = sealed;
  const seal = { databaseId, environmentId: id, key: key.toString("base64"), pooled: false };
  const peerUrl = asRole(sealed.superuserUrl, "peer", "peer");
  return { level: "shared", id, peerUrl, placement: place(id, url, seal) };
}

async function makeSchema(
  administrator: pg.Client,
  sealed: SealedDatabase,
  number: number,
): Promise<BenchTenant> {
  const name = `tenant_${number}`;
  await administrator.query(`
    create role ${name} login password 'own'; alter role ${name} set search_path = ${name};
    grant connect on database ${pg.escapeIdentifier(nameOf(sealed.superuserUrl))} to ${name};
    create schema ${name} authorization ${name};
    create table ${name}.notes (id int primary key, title text); insert into ${name}.notes ${rowsOf};
    alter table ${name}.notes owner to ${name}`);
  const url = asRole(sealed.superuserUrl, name, "own");
  const id = randomUUID();
  return { level: "schema", id, peerUrl: url, placement: place(id, url) };
}

async function makeDatabase(
  administrator: pg.Client,
  sealed: SealedDatabase,
  number: number,
): Promise<BenchTenant> {
  const name = `tenant_database_${number}`;
  await administrator.query(`create database ${name} template template_of_tenants`);
  const url = new URL(asRole(sealed.superuserUrl, "peer", "peer"));
  url.pathname = `/${name}`;
  const id = randomUUID();
  return { level: "database", id, peerUrl: url.href, placement: place(id, url.href) };
}

const place = (environmentId: string, url: string, seal?: DatabasePlacement["seal"]): DatabasePlacement => ({
  ...{ environmentId, serverId: "bench", url, generation: 1, seal },
});

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

function asRole(url: string, user: string, password: string): string {
  const changed = new URL(url);
  [changed.username, changed.password] = [user, password];
  return changed.href;
}

async function inDatabase(url: string, name: string, work: (client: pg.Client) => Promise<void>) {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: changed.href });
  await client.connect();
  await work(client);
  await client.end();
}
