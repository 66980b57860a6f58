import { randomBytes } from "node:crypto";
import type pg from "pg";
import { breach, type Probe, type ProbeAnswer, refused, skipped } from "../../probe.ts";
import { trustedParameter } from "../common/seal/strategy.ts";
import {
  apart,
  asTenant,
  bothShared,
  type DatabaseGround,
  entered,
  type TokenClaims,
  tokenFor,
} from "./ground.ts";
import { mustBeRefused, refusalOf } from "./refusal.ts";
import { ignoreRefusal, selectTables } from "./shared-rows.ts";

const functionsRemedy =
  "The functions of the seal aren't the installed ones, or its secret is gone: see what database.catalog names.";

/** In a database that many share: whose rows a statement is about. */
export const sharedContextProbes: readonly Probe<DatabaseGround>[] = [
  {
    id: "database.no-context",
    path: "database",
    title: "read tables without having entered an environment",
    remedy: "Without a context there must be an error: mend the policies that database.catalog names.",
    applies: bothShared,
    run: readWithoutContext,
  },
  {
    id: "database.forged-tokens",
    path: "database",
    title: "enter the neighbour's environment with tokens that weren't made for it",
    remedy: functionsRemedy,
    applies: bothShared,
    run: (ground) => asTenant(ground, (client) => forge(client, ground)),
  },
  {
    id: "database.forged-context",
    path: "database",
    title: "say by settings that it is the neighbour",
    remedy: `REVOKE SET ON PARAMETER ${trustedParameter} from everybody but the seal's owner.`,
    applies: bothShared,
    run: (ground) => entered(ground, (client) => pretend(client, ground)),
  },
  {
    id: "database.policies-off",
    path: "database",
    title: "read with row security switched off, and as another role",
    remedy:
      "The role may pass row-level security, or become somebody who may: see what database.catalog names.",
    applies: bothShared,
    run: (ground) => entered(ground, (client) => switchOff(client)),
  },
  {
    id: "database.secret",
    path: "database",
    title: "read the secret of the seal",
    remedy:
      "REVOKE ALL ON tenantry.secret from everybody but the seal's owner, and give the seal another secret.",
    applies: bothShared,
    run: (ground) =>
      entered(ground, (client) =>
        mustBeRefused(() => client.query("select from tenantry.secret"), "tenantry.secret can be read."),
      ),
  },
];

async function forge(client: pg.Client, { from, to }: DatabaseGround): Promise<ProbeAnswer> {
  const { environmentId } = to;
  const wrong: [string, Partial<TokenClaims>][] = [
    ["under another key", { environmentId, key: randomBytes(32) }],
    ["under an empty key", { environmentId, key: Buffer.alloc(0) }],
    ["that has expired", { environmentId, expiresIn: -1 }],
    ["that is good for an hour", { environmentId, expiresIn: 3_600 }],
    ["of another connection", { environmentId, backend: 1 }],
  ];
  const own = await tokenFor(client, from);
  const texts: [string, string | null][] = [
    ["that is none", null],
    ["that is empty", ""],
    ["of its own with the neighbour's id", `1${environmentId.replaceAll("-", "")}${own.slice(33)}`],
  ];
  for (const [what, claims] of wrong) texts.push([what, await tokenFor(client, from, claims)]);
  for (const [what, token] of texts) {
    const entering = await mustBeRefused(
      () => client.query("select tenantry.enter($1)", [token]),
      `The database takes a token ${what}.`,
    );
    if (entering.outcome === "breach") return entering;
  }
  return refused(`${texts.length} tokens tried`);
}

async function pretend(client: pg.Client, { to }: DatabaseGround): Promise<ProbeAnswer> {
  const [table] = await selectTables(client);
  if (table === undefined) return skipped("there is no table");
  const id = to.environmentId;
  const statements = [
    `set local ${trustedParameter} = '${id.replaceAll("-", "")}'`,
    `set local tenantry.token = '1${id.replaceAll("-", "")}${"9".repeat(20)}${"0".repeat(64)}'`,
    `set local tenantry.environment = '${id}'`,
    `set local app.tenant = '${id}'`,
  ];
  for (const statement of statements) {
    const seen = await apart(client, async () => {
      await client.query(statement);
      return client.query(`select from ${table} where tenantry_environment = $1 limit 1`, [id]);
    }).catch(refusedQuietly);
    if (seen?.rowCount)
      return breach(`After \`${statement.replace(/'.*'/, "…")}\` the neighbour's rows show.`);
  }
  return refused(`${statements.length} settings tried`);
}

async function switchOff(client: pg.Client): Promise<ProbeAnswer> {
  const [table] = await selectTables(client);
  if (table === undefined) return skipped("there is no table");
  const { rows } = await client.query<{ owner: string }>(
    "select distinct relowner::regrole::text as owner from pg_class where oid = $1::regclass",
    [table],
  );
  const ways = [
    ["set local row_security = off", `select from ${table} limit 1`],
    ["set local session_replication_role = replica"],
    ...rows.map(({ owner }) => [`set local role ${owner}`]),
    ["set local session authorization postgres"],
  ];
  for (const way of ways) {
    const got = await apart(client, () =>
      mustBeRefused(async () => {
        for (const statement of way) await client.query(statement);
      }, `\`${way[0]}\` is allowed.`),
    );
    if (got.outcome === "breach") return got;
  }
  return refused(`${ways.length} ways tried`);
}

function refusedQuietly(error: unknown): undefined {
  if (!refusalOf(error)) throw error;
}

/** A policy is asked about rows: of a table that has it, and in which the canary has none, nothing is learnt here. */
async function readWithoutContext(ground: DatabaseGround): Promise<ProbeAnswer> {
  const { tables, readable } = await asTenant(ground, async (client) => {
    const tables = await selectTables(client);
    const readable: { table: string; isEmpty: boolean }[] = [];
    for (const table of tables) {
      const read = await client.query(`select from ${table} limit 1`).catch(ignoreRefusal);
      if (!read) continue;
      const { rows } = await client.query<{ is: boolean }>(
        `select row_security_active($1::regclass) and exists (select from pg_policy where polrelid = $1::regclass) as is`,
        [table],
      );
      readable.push({ table, isEmpty: read.rowCount === 0 && rows[0]!.is });
    }
    return { tables, readable };
  });
  for (const { table, isEmpty } of readable) {
    const look = (client: pg.Client) => client.query(`select from ${table} limit 1`);
    const seen = isEmpty ? await entered(ground, look) : undefined;
    if (seen?.rowCount !== 0) return breach(`${table} can be read.`);
  }
  const empty = readable.length > 0 ? `, and ${readable.length} have no rows` : "";
  return refused(`${tables.length - readable.length} tables tried${empty}`);
}
