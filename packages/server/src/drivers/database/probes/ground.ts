import type { DatabaseLevel } from "@tenantry/contract";
import { mintSealToken, sealTokenSeconds } from "@tenantry/data";
import type pg from "pg";
import { partsOfPlace } from "../common/names.ts";
import { openClient, withAbortable } from "../common/session.ts";
import { urlAs } from "../common/url.ts";

/** Where one environment's rows are, and how its application gets there. */
export type ProbedDatabase = {
  level: DatabaseLevel;
  /** A UUID. */
  environmentId: string;
  serverId: string;
  /** Of the database (`tn_…`), of the container and schema (`tnc_….tns_…`), or of the file (`tna_….tn_…`). */
  name: string;
  /** Null where nobody logs in. */
  roleName: string | null;
  /** With the login of its application; of a file its place. */
  url: string;
  /** Only of a file that is encrypted. */
  encryptionKey?: string;
  /** Only where many share the database. */
  seal?: { databaseId: string; environmentId: string; key: string; pooled: boolean };
};

/** Two environments of which the first tries to reach the second. */
export type DatabaseGround = {
  from: ProbedDatabase;
  to: ProbedDatabase;
  /** Whether the second is a canary, too: then changes may be tried, and are taken back. */
  mayWrite: boolean;
  signal: AbortSignal;
};

/** The database that one connects to. */
export const databaseOf = ({ level, name }: ProbedDatabase): string =>
  level === "schema" ? partsOfPlace(name).container : name;

export const sameDatabase = ({ from, to }: DatabaseGround): boolean =>
  from.serverId === to.serverId && databaseOf(from) === databaseOf(to);

export const bothOnPostgres = ({ from, to }: DatabaseGround): boolean =>
  from.level !== "sqlite" && to.level !== "sqlite";

export const bothShared = (ground: DatabaseGround): boolean =>
  ground.from.level === "shared" && ground.to.level === "shared" && sameDatabase(ground);

/** Works on a connection of the application's own login, as the first environment's application has it. */
export function asTenant<Result>(
  { from, signal }: Pick<DatabaseGround, "from" | "signal">,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  return connected(from.url, signal, work);
}

/** The same login at the place of the other. */
export function atNeighbours<Result>(
  { from, to, signal }: DatabaseGround,
  login: { user: string },
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const password = decodeURIComponent(new URL(from.url).password);
  const url = urlAs(to.url, { ...login, password, database: databaseOf(to) });
  return connected(url, signal, work);
}

async function connected<Result>(
  connectionString: string,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openClient({
    connectionString,
    application_name: "tenantry verification",
    connectionTimeoutMillis: 5_000,
    statement_timeout: 5_000,
    lock_timeout: 1_000,
  });
  return withAbortable(client, signal, work);
}

/** Works in a transaction that was entered as the first environment, and takes back all that happened in it. */
export async function entered<Result>(
  ground: DatabaseGround,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  return asTenant(ground, async (client) => {
    await client.query("begin");
    await client.query("select tenantry.enter($1)", [await tokenFor(client, ground.from)]);
    try {
      return await work(client);
    } finally {
      await client.query("rollback");
    }
  });
}

/** What a token says, where it isn't to be right. */
export type TokenClaims = { environmentId: string; key: Buffer; backend: number; expiresIn: number };

export async function tokenFor(
  client: pg.Client,
  { seal }: ProbedDatabase,
  claims: Partial<TokenClaims> = {},
): Promise<string> {
  if (!seal) throw new Error("A database at the level shared has a seal.");
  const { rows } = await client.query<{ pid: number; seconds: number }>(
    "select pg_backend_pid() as pid, floor(extract(epoch from clock_timestamp()))::float8 as seconds",
  );
  const { pid, seconds } = rows[0]!;
  return mintSealToken(claims.key ?? Buffer.from(seal.key, "base64"), {
    databaseId: seal.databaseId,
    environmentId: claims.environmentId ?? seal.environmentId,
    expiresAt: seconds + (claims.expiresIn ?? sealTokenSeconds),
    backend: claims.backend ?? (seal.pooled ? 0 : pid),
  });
}

/** Runs a statement and takes back what it did to the transaction, also when it fails. */
export async function apart<Result>(client: pg.Client, work: () => Promise<Result>): Promise<Result> {
  await client.query("savepoint apart");
  try {
    return await work();
  } finally {
    await client.query("rollback to savepoint apart");
  }
}
