import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Attacker, By } from "../drivers/database/common/seal/attacks/index.ts";
import type { SealedDatabase } from "./sealed-database.ts";

export type Arena = {
  attacker: Attacker;
  /** The neighbour's rows as a superuser sees them, and what is planted in its name. */
  neighboursRows(): Promise<string>;
  close(): Promise<void>;
};

async function connect(url: string, options = ""): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

const backendOf = (client: pg.Client): number => (client as unknown as { processID: number }).processID;

/** In a transaction entered as an environment; afterwards the connection is outside any. */
type Within = <Result>(on: pg.Client, environmentId: string, work: () => Promise<Result>) => Promise<Result>;

function entering(sealed: SealedDatabase): Within {
  return async (on, environmentId, work) => {
    try {
      await on.query("begin");
      await on.query("savepoint before");
      await on.query("select tenantry.enter($1)", [sealed.token({ environmentId, backend: backendOf(on) })]);
      await on.query("release savepoint before");
      const result = await work();
      await on.query("commit");
      return result;
    } catch (error) {
      await on.query("rollback");
      throw error;
    }
  };
}

/** As the data path does: never more than one statement in a message. */
async function extended(on: pg.Client, text: string, values: unknown[] = []): Promise<pg.QueryResultRow[]> {
  return (await on.query({ text, values, queryMode: "extended" } as pg.QueryConfig)).rows;
}

async function fill(on: pg.Client, word: string, id: number): Promise<void> {
  const title = `${word}'s note`;
  await extended(on, "insert into notes (id, title, detail) values ($1, $2, $3)", [
    id,
    title,
    { secret: true },
  ]);
  await extended(on, "insert into tags (note_id, tag) values ($1, $2)", [id, `${word}'s tag`]);
  await extended(on, "insert into log (at, line) values ('2026-05-05', $1)", [`${word}'s line`]);
}

/** Where attacks are played one after another: two tenants, and the connections that no attack touches. */
export type Stage = { sealed: SealedDatabase; within: Within } & Pick<Attacker, "own" | "neighbour"> & {
    ownUrl: string;
    /** The neighbour's connection, and a superuser's. */
    beside: pg.Client;
    observer: pg.Client;
    close(): Promise<void>;
  };

// Long enough for whatever comes to an end, on a busy machine, too.
const timeout = "-c statement_timeout=2000";

/** Each by the application's role, in transactions entered for them, or each by a login of their own. */
export async function openStage(sealed: SealedDatabase, by: By): Promise<Stage> {
  const [own, neighbour] = [randomUUID(), randomUUID()];
  const isLogin = by === "login";
  const ownUrl = isLogin ? await sealed.giveLogin(own) : sealed.url;
  const neighbourUrl = isLogin ? await sealed.giveLogin(neighbour) : sealed.url;
  const beside = await connect(neighbourUrl, timeout);
  const observer = await connect(sealed.superuserUrl);
  const within = isLogin ? inTransaction : entering(sealed);
  const close = async () => void (await Promise.all([beside.end(), observer.end()]));
  return { sealed, own, neighbour, ownUrl, within, beside, observer, close };
}

const inTransaction: Within = async (on, _environmentId, work) => {
  try {
    await on.query("begin; savepoint before; release savepoint before");
    const result = await work();
    await on.query("commit");
    return result;
  } catch (error) {
    await on.query("rollback");
    throw error;
  }
};

/** Two tenants with rows of their own, and a connection on which the first plays whatever it likes. */
export async function openArena(stage: Stage): Promise<Arena> {
  const { sealed, own, neighbour, within, beside, observer } = stage;
  const client = await connect(stage.ownUrl, timeout);
  for (const table of ["tags", "notes", "log"])
    await observer.query(`delete from ${table} where tenantry_environment in ($1, $2)`, [own, neighbour]);
  await within(client, own, () => fill(client, "ATTACKER", 1));
  await within(beside, neighbour, () => fill(beside, "NEIGHBOUR", 2));

  async function bare(...statements: string[]): Promise<pg.QueryResultRow[]> {
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) rows = await extended(client, statement);
    return rows;
  }

  const attacker: Attacker = {
    ...{ own, neighbour, bare, sealOwner: sealed.roles.seal, token: sealed.token },
    backend: backendOf(client),
    neighboursBackend: backendOf(beside),
    runAll: (...statements) => within(client, own, () => bare(...statements)),
    async enterWith(token) {
      try {
        await client.query("begin");
        await client.query("select tenantry.enter($1)", [token]);
        return await extended(client, "select * from notes");
      } finally {
        await client.query("rollback");
      }
    },
    async anew(settings, text) {
      const another = await connect(stage.ownUrl, `${timeout} ${settings}`);
      return extended(another, text).finally(() => another.end());
    },
    async neighbourAfterwards(text) {
      await client.query("discard all");
      return within(client, neighbour, () => extended(client, text));
    },
    neighbourBeside: (text) => within(beside, neighbour, () => extended(beside, text)),
  };
  return {
    attacker,
    neighboursRows: () => rowsOf(observer, neighbour),
    close: () => client.end(),
  };
}

async function rowsOf(observer: pg.Client, environmentId: string): Promise<string> {
  const { rows } = await observer.query<{ all: string }>(
    `select string_agg(part, ' ' order by part) as all from (
       select n::text from notes n where tenantry_environment = $1
       union all select t::text from tags t where tenantry_environment = $1
       union all select l::text from log l where tenantry_environment = $1) parts (part)`,
    [environmentId],
  );
  return rows[0]!.all;
}
