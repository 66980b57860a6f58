import pg from "pg";
import { encodeUuid, failure, unlessAborted } from "../../../kernel/index.ts";
import type { DatabaseServer, DriverContext } from "../driver.ts";
import { cutOff } from "./cut-off.ts";
import {
  lockInTime,
  lockPhysicalName,
  type ServerFacts,
  selectServerFacts,
  terminateEarlierHolders,
  terminateLockHolders,
} from "./session.sql.ts";
import { urlTo, withoutSessionParameters } from "./url.ts";

/**
 * Opens a connection. Replaced in tests that cut it in the middle of a change. `stays`: the database is never copied, so
 * that the connection may be kept after its end for somebody else with the same rights.
 */
export type Connect = (
  config: pg.ClientConfig & { connectionString: string; stays?: boolean },
) => Promise<pg.Client>;

/** One backend on a server, working for one step of one operation. */
export type Session = ServerFacts & {
  /** Reads: no lease needed. */
  read<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /**
   * Proves the lease, then runs the statements: only one when there are values. Answers how many rows one alone changed.
   * Ending this backend is what makes a zombie harmless.
   */
  change(statements: string, values?: unknown[]): Promise<number>;
  /** Reads with the connection itself, and changes nothing. */
  inspect<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result>;
  /**
   * The same rights in another database of the server, while this session goes on. `stays` as in `Connect`: for one that
   * many environments share.
   */
  inDatabase<Result>(
    name: string,
    work: (inside: Session) => Promise<Result>,
    options?: { stays?: boolean },
  ): Promise<Result>;
};

export const openClient: Connect = async (config) => {
  const { stays: _, ...plain } = config;
  const connectionString = withoutSessionParameters(config.connectionString);
  const client = new pg.Client({ ...plain, connectionString });
  // A broken connection shows in the query that needed it.
  client.on("error", () => undefined);
  await client.connect();
  return client;
};

export type Seize = "at once" | "late";

const connectTimeoutMs = 10_000;
// As long as a whole blueprint may take, since whoever comes second waits for its lock.
const statementTimeoutMs = 900_000;
const lockTimeoutMs = 900_000;

/** The name under which a step's backends can be told from those of the step's earlier holders. */
export function holderName(context: Pick<DriverContext, "operationId" | "fence">): string {
  return `tenantry/${encodeUuid(context.operationId)}/${context.fence}`;
}

/**
 * Opens a backend, ends those that earlier holders of the operation still have, and waits for the lock on a physical
 * name, which lasts as long as the backend. After that, nobody else changes the thing of that name: a zombie's backend
 * is gone, and one that connects later fails the proof of its lease. `seize` ends whoever has the lock: for a thing
 * that the registry has given up. `late` does so after a while: where others may rightly be removing the same thing.
 */
export async function withSession<Result>(
  connect: Connect,
  context: DriverContext,
  server: DatabaseServer,
  physicalName: string,
  work: (session: Session) => Promise<Result>,
  options: { seize?: Seize } = {},
): Promise<Result> {
  const to = { url: server.url, stays: true };
  return withClient(connect, context, to, async (client) => {
    const holder = { operation: encodeUuid(context.operationId), fence: context.fence };
    await terminateEarlierHolders(client, holder, physicalName);
    const { seize } = options;
    const isOurs = seize === "late" && (await lockInTime(client, physicalName));
    if (seize && !isOurs) await terminateLockHolders(client, physicalName);
    if (!isOurs) await lockPhysicalName(client, physicalName);
    const facts = await selectServerFacts(client);
    return work(sessionOn(client, facts, connect, context, server.url));
  });
}

function sessionOn(
  client: pg.Client,
  facts: ServerFacts,
  connect: Connect,
  context: DriverContext,
  url: string,
): Session {
  return {
    ...facts,
    async read<Row extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const { rows } = await client.query<Row>(text, values);
      return rows;
    },
    async change(statements, values) {
      await context.assertLease();
      context.signal.throwIfAborted();
      const result = await client.query(statements, values);
      return Array.isArray(result) ? 0 : (result.rowCount ?? 0);
    },
    inspect: (work) => work(client),
    inDatabase(name, work, { stays = false } = {}) {
      return withClient(connect, context, { url: urlTo(url, name), stays }, (inner) =>
        work(sessionOn(inner, facts, connect, context, url)),
      );
    },
  };
}

async function withClient<Result>(
  connect: Connect,
  context: DriverContext,
  { url, stays }: { url: string; stays: boolean },
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const { signal } = context;
  signal.throwIfAborted();
  const connecting = connect({
    connectionString: url,
    ...(stays && { stays }),
    application_name: holderName(context),
    connectionTimeoutMillis: connectTimeoutMs,
    // Nothing that a database's owner may have put there is found by an unqualified name.
    options: sessionSettings({
      search_path: "pg_catalog",
      statement_timeout: String(statementTimeoutMs),
      lock_timeout: String(lockTimeoutMs),
      client_min_messages: "warning",
    }),
  }).catch((cause: unknown) => {
    throw serverUnreachable(cause);
  });
  // A server that doesn't answer can't keep waiting whoever is told to stop.
  return withAbortable(await unlessAborted(connecting, signal, cutOff), signal, work);
}

/** Works on a connection that is cut off when the signal aborts, and closed at the end. */
export async function withAbortable<Result>(
  client: pg.Client,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const cut = () => cutOff(client);
  signal.addEventListener("abort", cut, { once: true });
  try {
    signal.throwIfAborted();
    return await work(client);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", cut);
    await client.end().catch(() => undefined);
  }
}

export function sessionSettings(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
}

/** The cause may quote the URL, so only its message goes out. */
export function serverUnreachable(cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  return failure(
    "server_unreachable",
    { detail: `The database server doesn't answer: ${message}.` },
    { cause },
  );
}
