import { text } from "node:stream/consumers";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { Attacker, By } from "../drivers/database/common/seal/attacks/index.ts";
import { urlTo } from "../drivers/database/common/url.ts";
import type { AttackGround, GroundPlace } from "./attack-ground.ts";

export type Arena = {
  attacker: Attacker;
  /** The neighbour's rows before the attack and now, as a superuser sees them, with what is planted in its name. */
  before: string;
  neighboursRows(): Promise<string>;
  /** `untouched`: the neighbour has what it had, and the next attack may begin with it. */
  close(after: { untouched: boolean }): Promise<void>;
};

async function connect(url: string, options = ""): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

const backendOf = (client: pg.Client): number => (client as unknown as { processID: number }).processID;

/** In a transaction that is an environment's; afterwards the connection is outside any. */
type Within = <Result>(on: pg.Client, environmentId: string, work: () => Promise<Result>) => Promise<Result>;

const inTransaction =
  (enter?: AttackGround["token"]): Within =>
  async (on, environmentId, work) => {
    try {
      await on.query("begin; savepoint before");
      if (enter) {
        await on.query("select tenantry.enter($1)", [enter({ environmentId, backend: backendOf(on) })]);
      }
      await on.query("release savepoint before");
      const result = await work();
      await on.query("commit");
      return result;
    } catch (error) {
      await on.query("rollback");
      throw error;
    }
  };

/** As the data path does: never more than one statement in a message. */
async function extended(on: pg.Client, statement: string): Promise<pg.QueryResultRow[]> {
  return (await on.query({ text: statement, values: [], queryMode: "extended" } as pg.QueryConfig)).rows;
}

/** Where attacks are played one after another: two tenants, and the connections that no attack touches. */
export type Stage = {
  ground: AttackGround;
  within: Within;
  /** As whom the attacker plays. */
  ownUrl: string;
  /** The attacker's connection, as new for each attack. */
  connection(): Promise<pg.Client>;
  /** The neighbour's rows, from the first attack on and as long as none has touched them. */
  standing: string | undefined;
  /** The neighbour's connection, and superusers' where either lives. */
  beside: pg.Client;
  observers: { own: pg.Client; neighbour: pg.Client };
  close(): Promise<void>;
};

// Long enough for whatever comes to an end, on a busy machine, too.
const timeout = "-c statement_timeout=2000";

/** Each by the application's role, in transactions entered for them, or each by a login of their own. */
export async function openStage(ground: AttackGround, by: By): Promise<Stage> {
  const { own, neighbour } = ground;
  const urlOf = (place: GroundPlace) => (by === "login" ? place.giveLogin() : place.url);
  const ownUrl = await urlOf(own);
  const beside = await connect(await urlOf(neighbour), timeout);
  const observers = {
    own: await connect(own.superuserUrl),
    neighbour: await connect(neighbour.superuserUrl),
  };
  const enters = ground.level === "shared" && by === "application";
  const within = inTransaction(enters ? ground.token : undefined);
  let client: pg.Client | undefined;
  async function connection(): Promise<pg.Client> {
    const asNew = await client?.query("rollback").then(
      () => client!.query("discard all"),
      () => undefined,
    );
    if (!asNew) client = await connect(ownUrl, timeout);
    return client!;
  }
  const close = async () => {
    await Promise.all([client, beside, observers.own, observers.neighbour].map((each) => each?.end()));
  };
  return { ground, ownUrl, within, connection, standing: undefined, beside, observers, close };
}

const tables = ["tags", "notes", "log", "numbers", "drafts"] as const;

/** Too long to lie beside the row's other values, however it is packed. */
const longText = "select string_agg(md5(n::text), '') from generate_series(1, 150) n";

/** The rows that a place begins each attack with, put there past all policies. */
async function refill(
  observer: pg.Client,
  ground: AttackGround,
  place: GroundPlace,
  id: number,
): Promise<void> {
  const word = place === ground.own ? "ATTACKER" : "NEIGHBOUR";
  const shared = ground.level === "shared";
  const at = (table: string) => `"${place.schema}".${table}`;
  const [column, value] = shared ? [", tenantry_environment", `, '${place.environmentId}'`] : ["", ""];
  const cleared = shared
    ? tables.map((table) => `delete from ${at(table)} where tenantry_environment = '${place.environmentId}'`)
    : [`truncate ${tables.map(at).join(", ")}`];
  await observer.query(
    [
      ...cleared,
      `insert into ${at("notes")} (id, title, detail, body${column}) values (${id}, '${word}''s note', '{"secret": true}', (${longText})${value})`,
      `insert into ${at("tags")} (note_id, tag${column}) values (${id}, '${word}''s tag'${value})`,
      `insert into ${at("drafts")} (id, body${column}) values (${id}, '${word === "ATTACKER" ? "{}" : "NEIGHBOUR''s draft"}'${value})`,
      `insert into ${at("log")} (at, line${column}) values ('2026-05-05', '${word}''s line'${value})`,
    ].join(";\n"),
  );
}

/** Two tenants with rows of their own, and a connection on which the first plays whatever it likes. */
export async function openArena(stage: Stage): Promise<Arena> {
  const { ground, within, beside, observers } = stage;
  const { own, neighbour, level, sealOwner, token } = ground;
  const client = await stage.connection();
  const held: pg.Client[] = [];
  await refill(observers.own, ground, own, 1);
  if (stage.standing === undefined) {
    await refill(observers.neighbour, ground, neighbour, 2);
    stage.standing = await rowsOf(observers.neighbour, ground);
  }
  const before = stage.standing;

  async function bare(...statements: string[]): Promise<pg.QueryResultRow[]> {
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) rows = await extended(client, statement);
    return rows;
  }
  async function once(url: string, settings: string, statement: string): Promise<pg.QueryResultRow[]> {
    const another = await connect(url, `${timeout} ${settings}`);
    return extended(another, statement).finally(() => another.end());
  }

  const attacker: Attacker = {
    ...{
      level,
      ground: ground.ground,
      bare,
      sealOwner,
      token,
      own: own.environmentId,
      neighbour: neighbour.environmentId,
    },
    neighbours: (name) =>
      `${level === "database" || level === "dedicated" ? `${neighbour.database}.` : ""}"${neighbour.schema}".${name}`,
    neighboursRole: neighbour.role,
    neighboursDatabase: neighbour.database,
    backend: backendOf(client),
    neighboursBackend: backendOf(beside),
    runAll: (...statements) => within(client, own.environmentId, () => bare(...statements)),
    copyOut: (statement) =>
      within(client, own.environmentId, () => text(client.query(copyTo(statement)) as AsyncIterable<Buffer>)),
    async enterWith(token) {
      try {
        await client.query("begin");
        await client.query("select tenantry.enter($1)", [token]);
        return await extended(client, "select * from notes");
      } finally {
        await client.query("rollback");
      }
    },
    anew: (settings, statement) => once(stage.ownUrl, settings, statement),
    elsewhere({ database, server }, statement) {
      const url = new URL(urlTo(stage.ownUrl, database));
      if (server === "neighbours") url.host = new URL(neighbour.serverUrl).host;
      return once(url.href, "", statement);
    },
    async hold(connections) {
      for (let count = 0; count < connections; count += 1) held.push(await connect(stage.ownUrl));
    },
    async neighbourAfterwards(statement) {
      await client.query("discard all");
      return within(client, neighbour.environmentId, () => extended(client, statement));
    },
    neighbourBeside: (statement) =>
      within(beside, neighbour.environmentId, () => extended(beside, statement)),
  };
  return {
    ...{ attacker, before },
    neighboursRows: () => rowsOf(observers.neighbour, ground),
    async close({ untouched }) {
      if (!untouched) stage.standing = undefined;
      await Promise.all(held.map((each) => each.end()));
    },
  };
}

async function rowsOf(observer: pg.Client, { level, neighbour }: AttackGround): Promise<string> {
  const where = level === "shared" ? `where tenantry_environment = '${neighbour.environmentId}'` : "";
  const parts = tables.map((table) => `select t::text from "${neighbour.schema}".${table} t ${where}`);
  const { rows } = await observer.query<{ all: string }>(
    `select string_agg(part, ' ' order by part) as all from (${parts.join(" union all ")}) parts (part)`,
  );
  return rows[0]!.all;
}
