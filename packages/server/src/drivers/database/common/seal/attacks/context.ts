import { randomBytes } from "node:crypto";
import { type Attack, type Attacker, sql } from "./attack.ts";

const digitsOf = (uuid: string): string => uuid.replaceAll("-", "");
const readAll = "select * from notes";
const group = "Changing the context";

/** A setting that anybody may write, so that what follows shows whether anything believes it. */
const believed = (title: string, statement: (attacker: Attacker) => string): Attack =>
  sql(group, title, { shared: "refused" }, statement, readAll);

/** Whoever has rows of his own alone, or a login of his own, is in no context that he could lose. */
const onceEntered: Attack["outcome"] = {
  shared: { application: "refused", login: "nothing" },
  apart: "nothing",
};

const settings: Attack[] = [
  believed(
    "SET of the trusted parameter",
    ({ neighbour }) => `set backtrace_functions = '${digitsOf(neighbour)}'`,
  ),
  believed("SET LOCAL of it", ({ neighbour }) => `set local backtrace_functions = '${digitsOf(neighbour)}'`),
  believed(
    "set_config of it",
    ({ neighbour }) => `select set_config('backtrace_functions', '${digitsOf(neighbour)}', true)`,
  ),
  believed(
    "UPDATE pg_settings of it",
    ({ neighbour }) =>
      `update pg_settings set setting = '${digitsOf(neighbour)}' where name = 'backtrace_functions'`,
  ),
  believed("RESET of it", () => "reset backtrace_functions"),
  sql(group, "RESET ALL", onceEntered, "reset all", readAll),
  sql(
    group,
    "SET of settings that look like a context",
    "nothing",
    ({ neighbour }) => `set tenantry.environment = '${neighbour}'`,
    ({ neighbour }) => `set app.tenant = '${neighbour}'`,
    readAll,
  ),
  sql(
    group,
    "a forged token put where the verified one lies",
    { shared: { application: { own: "nothing", given: "refused" }, login: "nothing" } },
    ({ neighbour }) => `set tenantry.token = '1${digitsOf(neighbour)}${"9".repeat(20)}${"0".repeat(64)}'`,
    readAll,
  ),
  sql(
    group,
    "a session that begins with the parameter",
    "refused",
    ({ neighbour }) => `alter role current_user set backtrace_functions = '${digitsOf(neighbour)}'`,
  ),
  sql(
    group,
    "row_security = off",
    { shared: "refused", apart: "nothing" },
    "set row_security = off",
    readAll,
  ),
  sql(group, "session_replication_role = replica", "refused", "set session_replication_role = replica"),
  sql(
    group,
    "leaving the savepoint before the context",
    { shared: "refused" },
    "rollback to savepoint before",
  ),
  sql(
    group,
    "another kind of transaction for the session",
    "nothing",
    "set session characteristics as transaction isolation level serializable, read only",
    readAll,
  ),
];

const roles: Attack[] = [
  sql(
    group,
    "SET ROLE to the owner of the tables",
    "refused",
    "do $$ begin execute format('set role %I', (select relowner::regrole::text from pg_class where oid = 'notes'::regclass)); end $$",
  ),
  sql(
    group,
    "SET ROLE to the seal's owner",
    { shared: "refused" },
    ({ sealOwner }) => `set role ${sealOwner}`,
  ),
  sql(
    group,
    "SET ROLE to the neighbour's role",
    { apart: "refused" },
    ({ neighboursRole }) => `set role ${neighboursRole}`,
  ),
  sql(
    group,
    "taking what belongs to the neighbour's role",
    { schema: "refused", database: "refused" },
    ({ neighboursRole }) => `reassign owned by ${neighboursRole} to current_user`,
  ),
  sql(
    group,
    "membership of the neighbour's role",
    { schema: "refused", database: "refused" },
    ({ neighboursRole }) => `grant ${neighboursRole} to current_user`,
  ),
  sql(
    group,
    "rights for all that is made from now on",
    "refused",
    "do $$ begin execute format('alter default privileges for role %s grant all on tables to public', (select relowner::regrole from pg_class where oid = 'notes'::regclass)); end $$",
  ),
  sql(group, "SET SESSION AUTHORIZATION", "refused", "set session authorization postgres"),
  sql(group, "RESET ROLE, SET ROLE NONE", "nothing", "reset role", "set role none", readAll),
  sql(group, "making a role, or giving itself rights", "refused", "create role mine superuser"),
  sql(
    group,
    "another password for its role",
    {
      shared: {
        login: {
          limit: "PostgreSQL lets each role do that: it is the tenant's own login, which a rotation replaces",
        },
        application: {
          limit:
            "PostgreSQL lets each role do that, and all share it: nobody can connect any more until Tenantry sets it right, which it does when an application reports it; connections that stand go on; the data path refuses ALTER",
        },
      },
      apart: { limit: "PostgreSQL lets each role do that: it is the environment's own" },
    },
    "alter role current_user password 'mine'",
    // For the tests that come after.
    "rollback",
  ),
  sql(
    group,
    "what its role's sessions begin with",
    {
      shared: {
        login: { limit: "PostgreSQL lets each role do that: it is the tenant's own login" },
        application: {
          limit:
            "PostgreSQL lets each role do that, and all share it: connections begin so until Tenantry's next look, within an hour, takes it back; the data path refuses ALTER",
        },
      },
      apart: { limit: "PostgreSQL lets each role do that: it is the environment's own" },
    },
    "alter role current_user set default_transaction_read_only = on",
    "rollback",
  ),
  sql(group, "BYPASSRLS for itself", "refused", "alter role current_user bypassrls"),
];

const transactions: Attack[] = [
  {
    group,
    title: "no context at all",
    outcome: onceEntered,
    play: ({ bare }) => bare(readAll),
  },
  {
    group,
    title: "COMMIT, and on without a context",
    outcome: onceEntered,
    play: ({ runAll }) => runAll("commit", readAll),
  },
  {
    group,
    title: "writing without a context",
    outcome: onceEntered,
    play: ({ bare }) => bare("insert into notes (id, title) values (99, 'nobody''s')"),
  },
  {
    group,
    title: "DISCARD ALL",
    outcome: onceEntered,
    play: async ({ bare }) => bare("discard all", readAll),
  },
];

const tokens = "Tokens";
const withToken = (title: string, token: (attacker: Attacker) => unknown): Attack => ({
  group: tokens,
  title,
  outcome: { shared: "refused" },
  play: (attacker) => attacker.enterWith(token(attacker)),
});

const now = (): number => Math.floor(Date.now() / 1_000);

const forged: Attack[] = [
  withToken("NULL", () => null),
  withToken("empty", () => ""),
  withToken("malformed: one character less", ({ token, own, backend }) =>
    token({ environmentId: own, backend }).slice(0, -1),
  ),
  withToken(
    "malformed: a line more",
    ({ token, own, backend }) => `${token({ environmentId: own, backend })}\n`,
  ),
  withToken("malformed: other digits", ({ token, own, backend }) =>
    token({ environmentId: own, backend }).replace(/^1/, "１"),
  ),
  withToken("another version", ({ token, own, backend }) =>
    token({ environmentId: own, backend }).replace(/^1/, "2"),
  ),
  withToken("forged under another key", ({ token, neighbour, backend }) =>
    token({ environmentId: neighbour, backend, key: randomBytes(32) }),
  ),
  withToken("forged under an empty key", ({ token, neighbour, backend }) =>
    token({ environmentId: neighbour, backend, key: Buffer.alloc(0) }),
  ),
  withToken("the own one with the neighbour's id", ({ token, own, neighbour, backend }) => {
    const mine = token({ environmentId: own, backend });
    return `1${digitsOf(neighbour)}${mine.slice(33)}`;
  }),
  withToken("the own one with a later expiry", ({ token, own, backend }) => {
    const mine = token({ environmentId: own, backend, expiresAt: now() - 1 });
    return `${mine.slice(0, 33)}${String(now() + 30).padStart(10, "0")}${mine.slice(43)}`;
  }),
  withToken("expired", ({ token, own, backend }) =>
    token({ environmentId: own, backend, expiresAt: now() - 1 }),
  ),
  withToken("good for longer than a minute", ({ token, own, backend }) =>
    token({ environmentId: own, backend, expiresAt: now() + 90 }),
  ),
  withToken(
    "the neighbour's, heard on its connection and replayed here",
    ({ token, neighbour, neighboursBackend }) =>
      token({ environmentId: neighbour, backend: neighboursBackend }),
  ),
  withToken("for any backend, where no pooler stands between", ({ token, own }) =>
    token({ environmentId: own, backend: 0 }),
  ),
  {
    ...withToken("the neighbour's, whole and for this very connection", ({ token, neighbour, backend }) =>
      token({ environmentId: neighbour, backend }),
    ),
    outcome: { shared: { login: "refused" } },
  },
];

/** What `tenantry.enter` does behind the secret, done with one that the attacker has made up. */
const underOwnSecret = ({ neighbour }: Attacker): string => `
  select row(said || encode(sha256(pad || sha256(pad || convert_to(substr(said, 2), 'UTF8'))), 'hex'), pad, pad, true)::tenantry.claim::tenantry.entry
  from (select '1${digitsOf(neighbour)}' || floor(extract(epoch from clock_timestamp()) + 30)::bigint || repeat('0', 10) as said,
    sha256('mine') || sha256('mine') as pad) own`;

const entries: Attack[] = [
  sql(
    tokens,
    "an entry of its own making, under a secret of its own",
    { shared: "refused" },
    underOwnSecret,
    readAll,
  ),
  sql(
    tokens,
    "an entry without a secret",
    { shared: "refused" },
    ({ token, neighbour, backend }) =>
      `select row('${token({ environmentId: neighbour, backend, key: Buffer.alloc(0) })}', '', '', true)::tenantry.claim::tenantry.entry`,
    readAll,
  ),
];

export const contextAttacks: Attack[] = [...settings, ...roles, ...transactions, ...forged, ...entries];
