import { randomBytes } from "node:crypto";
import { mintSealToken } from "@tenantry/data";
import pg from "pg";
import { createDatabase, openDatabase } from "../drivers/database/common/databases.sql.ts";
import { createLogins } from "../drivers/database/common/logins.ts";
import {
  databaseName,
  type InstallationRoles,
  installationRoles,
  ownerName,
} from "../drivers/database/common/names.ts";
import { driverParts } from "../drivers/database/common/parts.ts";
import { createGroupRole, createLoginRole, grantMembership } from "../drivers/database/common/roles.sql.ts";
import { newPassword, scramVerifier } from "../drivers/database/common/scram.ts";
import {
  installSeal,
  type SealStrategy,
  sealExpressions,
  verifySeal,
} from "../drivers/database/common/seal/index.ts";
import { openClient, type Session, withSession } from "../drivers/database/common/session.ts";
import { urlAs, urlTo } from "../drivers/database/common/url.ts";
import { sharedLogins } from "../drivers/database/shared/logins.ts";
import { ownFunctions } from "../drivers/database/shared/own-functions.ts";
import { newId } from "../kernel/index.ts";
import type { TestServer } from "./database-servers.ts";
import { testContext } from "./driver-context.ts";

export type SealedDatabase = {
  /** The application's URL: all tenants are served by this one role. */
  url: string;
  /** A superuser's URL to the same database. */
  superuserUrl: string;
  roles: InstallationRoles;
  /** The role of the applications' processes. */
  login: string;
  key: Buffer;
  databaseId: string;
  strategy: SealStrategy;
  /** A token as an application's process mints it. */
  token(claims: { environmentId: string; backend: number; expiresAt?: number; key?: Buffer }): string;
  verify(): Promise<string[]>;
  /** The URL of a new login for one environment. */
  giveLogin(environmentId: string): Promise<string>;
};

export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/**
 * A database at the level `shared` with some tables, written by hand as they are emitted from an application's:
 * notes with tags, a log in partitions, a view, and a definer function that puts its argument into a statement.
 */
export async function sealedDatabase(
  server: TestServer,
  options: {
    strategy?: SealStrategy;
    pooled?: boolean;
    tables?: (strategy: SealStrategy) => string;
    /** Of the application's role; 20 when left out. */
    connectionLimit?: number;
  } = {},
): Promise<SealedDatabase> {
  const installationId = newId();
  const roles = installationRoles(installationId);
  const owner = ownerName(newId());
  const [login, writer] = [`login_${newId()}`, `writer_${newId()}`];
  const [key, databaseId, password] = [randomBytes(32), newId(), randomBytes(12).toString("hex")];
  const name = databaseName(databaseId);
  const where = { id: newId(), url: server.url };
  const strategy = await withSession(openClient, testContext(), where, name, async (session) => {
    for (const role of [roles.databases, roles.data, roles.seal, owner, writer]) {
      await createGroupRole(session, role);
    }
    await createLoginRole(session, {
      name: login,
      verifier: await scramVerifier(password),
      connectionLimit: options.connectionLimit ?? 20,
      memberships: [grantMembership(session, roles.data, login, { inherit: true, set: false })],
    });
    await createDatabase(session, { name, owner: roles.databases, template: "template0", encoding: "UTF8" });
    await openDatabase(session, name, login);
    const chosen = await installSeal(session, { ...options, roles, name, databaseId, key });
    await makeTables(session, { name, owner, writer, roles, sql: (options.tables ?? tables)(chosen) });
    return chosen;
  });
  const superuserUrl = urlTo(server.superuserUrl, name);
  return {
    url: urlAs(server.url, { user: login, password, database: name }),
    ...{ superuserUrl, roles, login, key, databaseId, strategy },
    token: ({ key: other = key, expiresAt = nowSeconds() + 30, ...claims }) =>
      mintSealToken(other, { databaseId, expiresAt, ...claims }),
    async giveLogin(environmentId) {
      const parts = driverParts({ installationId });
      const logins = createLogins(parts, sharedLogins(parts));
      const given = { roleName: logins.nameOf(newId()), password: newPassword() };
      const database = { name, roleName: login };
      const place = { server: where, database, appId: newId(), environmentId };
      await logins.place(testContext(), { ...place, login: given });
      const state = () => Promise.resolve({ open: true });
      await logins.align(testContext(), { server: where, roleName: given.roleName, state });
      return logins.url(where, database, given);
    },
    async verify() {
      const client = await openClient({
        connectionString: urlTo(server.url, name),
        options: "-c search_path=pg_catalog",
      });
      try {
        return await verifySeal(client, { roles, name, ownFunctions });
      } finally {
        await client.end();
      }
    },
  };
}

async function makeTables(
  session: Session,
  {
    name,
    owner,
    writer,
    roles,
    sql,
  }: { name: string; owner: string; writer: string; roles: InstallationRoles; sql: string },
): Promise<void> {
  const id = pg.escapeIdentifier;
  await session.inDatabase(name, (inside) =>
    inside.change(`
      grant all on schema public to ${id(owner)};
      grant usage on schema public to ${id(roles.data)}, ${id(writer)};
      set role ${id(owner)};
      set search_path = public;
      ${sql};
      grant select, insert, update, delete on all tables in schema public to ${id(roles.data)}, ${id(writer)};
      reset role;
      create function public.find_notes(condition text) returns setof text language plpgsql security definer
        set search_path = public, pg_temp
        as $$ begin return query execute 'select title from notes where ' || condition; end $$;
      grant create on schema public to ${id(writer)};
      alter function public.find_notes(text) owner to ${id(writer)};
      revoke create on schema public from ${id(writer)};
      reset search_path`),
  );
}

/** A table's hidden column and what seals it. */
export function sealTable(strategy: SealStrategy, table: string): string {
  const { policyExpression, rowCondition } = sealExpressions(strategy);
  return `
    alter table ${table} enable row level security;
    alter table ${table} force row level security;
    create policy tenantry on ${table} using (${rowCondition})
      with check (tenantry_environment = ${policyExpression});`;
}

function tables(strategy: SealStrategy): string {
  const hidden = `tenantry_environment uuid not null default ${sealExpressions(strategy).contextExpression}`;
  return `
    create table notes (id int not null, title text not null, detail jsonb, ${hidden},
      primary key (tenantry_environment, id), unique (tenantry_environment, title));
    create table tags (note_id int not null, tag text not null, ${hidden},
      primary key (tenantry_environment, note_id, tag),
      foreign key (tenantry_environment, note_id) references notes (tenantry_environment, id) on delete cascade);
    create table log (at date not null, line text not null, ${hidden}) partition by range (at);
    create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
    create view titles with (security_invoker = true) as select title from notes;
    ${["notes", "tags", "log", "log_2026"].map((table) => sealTable(strategy, table)).join("")}`;
}
