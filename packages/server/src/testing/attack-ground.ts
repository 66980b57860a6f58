import { mintSealToken } from "@tenantry/data";
import { containerName, installationRoles, partsOfPlace } from "../drivers/database/common/names.ts";
import { newPassword } from "../drivers/database/common/scram.ts";
import type { Ground, Level } from "../drivers/database/common/seal/attacks/index.ts";
import { urlTo } from "../drivers/database/common/url.ts";
import type { AppSchema, BuiltDatabase, DatabaseServer, PostgresDriver } from "../drivers/database/driver.ts";
import { schemaOf } from "../drivers/database/harness.testsuite.ts";
import { createDatabaseDrivers, protectDatabases } from "../drivers/database/index.ts";
import { newId } from "../kernel/index.ts";
import type { TestServer } from "./database-servers.ts";
import { testContext } from "./driver-context.ts";

/** Two neighbours' environments of one application at one level, made by its driver. */
export type AttackGround = {
  level: Level;
  ground: Ground;
  own: GroundPlace;
  neighbour: GroundPlace;
  sealOwner: string;
  /** At the level `shared` alone. */
  token(claims: { environmentId: string; backend: number; expiresAt?: number; key?: Buffer }): string;
  verify(): Promise<string[]>;
};

export type GroundPlace = {
  environmentId: string;
  serverUrl: string;
  superuserUrl: string;
  /** The database that connections lead to, and the schema in it that holds the tables. */
  database: string;
  schema: string;
  /** As the application; its role. */
  url: string;
  role: string;
  /** The URL of a new login. */
  giveLogin(): Promise<string>;
};

/**
 * Notes with tags, a text that lies apart from its row and an index that isn't a B-tree, a log in partitions, numbers, drafts with policies of their own, a view, and a definer function that puts its argument into a statement.
 * Where tables are an environment's own, a materialised view, too: at `shared` there can't be one.
 */
function migrations(level: Level): string {
  return `
    create table notes (id int primary key, title text not null unique, detail jsonb, body text);
    create table tags (note_id int not null references notes on delete cascade, tag text not null,
      primary key (note_id, tag));
    create table log (at date not null, line text not null) partition by range (at);
    create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
    create table numbers (id serial primary key, word text not null);
    create index log_by_line on log using hash (line);
    create table drafts (id int primary key, body text not null);
    alter table drafts enable row level security;
    create policy all_of_them on drafts using (true);
    create policy documents on drafts as restrictive using (body::json is not null);
    create view titles as select title from notes;
    create function find_notes(condition text) returns setof text language plpgsql security definer
      as $$ begin return query execute 'select title from notes where ' || condition; end $$;
    ${level === "shared" ? "" : "create materialized view kept_titles as select title from notes;"}`;
}

/** `neighboursServer` is another one at the level `dedicated`. */
export async function attackGround(
  level: Level,
  server: TestServer,
  neighboursServer: TestServer = server,
): Promise<AttackGround> {
  const installationId = newId();
  const driver = createDatabaseDrivers({ installationId })[level] as PostgresDriver;
  const schema = schemaOf(newId(), migrations(level));
  const databaseId = newId();
  const first = await openServer(driver, server, schema);
  const second = neighboursServer === server ? first : await openServer(driver, neighboursServer, schema);
  const built = await build(driver, first, schema, databaseId);
  const own = await place(driver, schema, { server: first, test: server, built, databaseId });
  const others = level === "shared" ? databaseId : newId();
  const neighbour = await place(driver, schema, {
    ...{ server: second, test: neighboursServer, databaseId: others },
    built: level === "shared" ? built : await build(driver, second, schema, others),
  });
  return {
    level,
    ground: server.url === server.superuserUrl ? "own" : "given",
    own,
    neighbour,
    sealOwner: installationRoles(installationId).seal,
    token({ key = Buffer.from(built.sealKey ?? "", "base64"), expiresAt = nowSeconds() + 30, ...claims }) {
      return mintSealToken(key, { databaseId, expiresAt, ...claims });
    },
    verify: () => driver.verify(first, built),
  };
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** Nobody but us lives there, as on a server of ours; on a given one only its operator can close other databases. */
async function openServer(
  driver: PostgresDriver,
  test: TestServer,
  schema: AppSchema,
): Promise<DatabaseServer> {
  const server = { id: newId(), url: test.url };
  if (test.url === test.superuserUrl) await protectDatabases(server, "all");
  await driver.buildBlueprint(testContext(), { server, schema });
  await driver.prepare(testContext(), { server, schema });
  return server;
}

const build = (driver: PostgresDriver, server: DatabaseServer, schema: AppSchema, databaseId: string) =>
  driver.build(testContext(), { server, databaseId, schema });

async function place(
  driver: PostgresDriver,
  { appId }: AppSchema,
  where: { server: DatabaseServer; test: TestServer; built: BuiltDatabase; databaseId: string },
): Promise<GroundPlace> {
  const { server, test, built, databaseId } = where;
  const { logins, sharing } = driver;
  const environmentId = newId();
  await sharing?.admit(testContext(), {
    ...{ server, database: built, databaseId, appId, environmentId, sealKey: built.sealKey! },
  });
  const database = driver.level === "schema" ? containerName(appId) : built.name;
  return {
    environmentId,
    serverUrl: test.url,
    superuserUrl: urlTo(test.superuserUrl, database),
    database,
    schema: driver.level === "schema" ? partsOfPlace(built.name).schema : "public",
    url: driver.connectionUrl(server, built),
    role: built.roleName!,
    async giveLogin() {
      const login = { roleName: logins.nameOf(newId()), password: newPassword() };
      await logins.place(testContext(), { server, database: built, appId, environmentId, login });
      const state = () => Promise.resolve({ open: true });
      await logins.align(testContext(), { server, roleName: login.roleName, state });
      return logins.url(server, built, login);
    },
  };
}
