import pg from "pg";
import type { InstallationRoles } from "../names.ts";
import type { Session } from "../session.ts";
import { sealFunctions } from "./functions.sql.ts";
import { costParameter, type SealStrategy, sealExpressions, trustedParameter } from "./strategy.ts";
import { versionComment } from "./versions.ts";

const id = pg.escapeIdentifier;

/**
 * Lets the seal's owner set the trusted parameter: it alone, and in all databases of the server. Run it where the server's
 * roles are made, whose lock keeps two nodes from changing the same row.
 */
export async function grantParameter(session: Session, roles: InstallationRoles): Promise<void> {
  await session.change(`
    select pg_advisory_xact_lock(hashtextextended(${pg.escapeLiteral(trustedParameter)}, 7236));
    grant set on parameter ${trustedParameter} to ${id(roles.seal)}`);
}

/** What sessions begin with that nobody enters for: logins that were given out. It holds for those that begin from now on. */
export async function priceConditions(inside: Session): Promise<void> {
  await inside.change(
    `do $$ begin execute format('alter database %I set ${costParameter} = 0', current_database()); end $$`,
  );
}

/** The functions, and what they are made for, in a seal that stands. */
export async function renewFunctions(
  inside: Session,
  roles: InstallationRoles,
  strategy: SealStrategy,
): Promise<void> {
  await inside.change(`set role ${id(roles.seal)}; ${asItIsNow} ${sealFunctions(strategy)} reset role`);
}

/** The schema, the secret's table and the functions, all of the seal's owner, whom nobody can log in as. */
export async function createSeal(
  session: Session,
  roles: InstallationRoles,
  strategy: SealStrategy,
): Promise<void> {
  const owner = id(roles.seal);
  await session.change(`
    create schema if not exists tenantry authorization ${owner};
    set role ${owner};
    create table if not exists tenantry.secret (
      singleton boolean primary key default true check (singleton),
      database_id uuid not null,
      inner_pad bytea not null check (length(inner_pad) = 97),
      outer_pad bytea not null check (length(outer_pad) = 64),
      pooled boolean not null
    );
    ${asItIsNow}
    create table if not exists tenantry.login (role name primary key, environment uuid not null);
    create index if not exists login_environment on tenantry.login (environment);
    create table if not exists tenantry.closed (environment text primary key, since timestamptz not null);
    ${sealFunctions(strategy)}
    ${createReference(strategy)}
    revoke all on all tables in schema tenantry from public;
    grant usage on schema tenantry to public;
    comment on schema tenantry is '${versionComment}';
    reset role`);
}

/** What earlier versions made otherwise: HMAC's beginning lay apart, and there was one secret at a time. */
const asItIsNow = `
    alter table tenantry.secret
      add column if not exists former_inner_pad bytea,
      add column if not exists former_outer_pad bytea,
      add column if not exists former_until timestamptz,
      add column if not exists closed text[];
    do $$ begin
      if exists (select from tenantry.secret where length(inner_pad) = 64) then
        alter table tenantry.secret drop constraint if exists secret_inner_pad_check;
        update tenantry.secret set inner_pad = inner_pad || convert_to('1' || translate(database_id::text, '-', ''), 'UTF8');
        alter table tenantry.secret add constraint secret_inner_pad_check check (length(inner_pad) = 97);
      end if;
    end $$;`;

/** What a policy has to look like: every other one in the database is compared with this. */
function createReference(strategy: SealStrategy): string {
  const { policyExpression, rowCondition } = sealExpressions(strategy);
  return `
    create table if not exists tenantry.reference (tenantry_environment uuid not null);
    alter table tenantry.reference enable row level security;
    alter table tenantry.reference force row level security;
    drop policy if exists tenantry on tenantry.reference;
    create policy tenantry on tenantry.reference
      using (${rowCondition}) with check (tenantry_environment = ${policyExpression});`;
}

/** The secret as it is used: HMAC's two pads, the first with what each message begins with. Bound, so that it stands in no log. */
export async function upsertSecret(
  session: Session,
  secret: { databaseId: string; innerPad: Buffer; outerPad: Buffer; pooled: boolean },
): Promise<void> {
  await session.change(
    `insert into tenantry.secret (singleton, database_id, inner_pad, outer_pad, pooled) values (true, $1, $2, $3, $4)
     on conflict (singleton) do update set database_id = excluded.database_id, inner_pad = excluded.inner_pad,
       outer_pad = excluded.outer_pad, pooled = excluded.pooled`,
    [secret.databaseId, secret.innerPad, secret.outerPad, secret.pooled],
  );
}

/** A token that names no backend is good from anywhere, so that is taken where a pooler stands between alone. */
export async function updatePooled(session: Session, pooled: boolean): Promise<void> {
  await session.change("update tenantry.secret set pooled = $1 where pooled <> $1", [pooled]);
}

/** So long are tokens good under the secret before: until every process of the application has heard of the new one. */
const formerGoodMinutes = 10;

/** Puts another secret in the place of the one that stands, in a moment for both; nothing when it stands already. */
export async function replaceSecret(
  session: Session,
  secret: { innerPad: Buffer; outerPad: Buffer },
): Promise<void> {
  await session.change(
    `update tenantry.secret set former_inner_pad = inner_pad, former_outer_pad = outer_pad,
       former_until = clock_timestamp() + interval '${formerGoodMinutes} minutes', inner_pad = $1, outer_pad = $2
     where inner_pad <> $1`,
    [secret.innerPad, secret.outerPad],
  );
}
