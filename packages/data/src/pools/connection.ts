import type { Socket } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { DatabaseLevel } from "@tenantry/contract";
import pg from "pg";
import { DatabaseUnavailable, DataError, PoolExhausted } from "../errors.ts";
import { newSession, type Seal, type SealedSession } from "../seal/session.ts";
import { createPreparedStatements, noPreparedStatements, type PreparedStatements } from "../wire/prepared.ts";
import { divertReplies, type Replies } from "../wire/replies.ts";
import { openSocket } from "./socket.ts";

/**
 * Where an environment's database is. `url` holds its own role's password; at the level `shared` it is the same for all
 * environments of the database, and `seal` tells them apart.
 */
export type DatabasePlacement = {
  environmentId: string;
  serverId: string;
  url: string;
  generation: number;
  /** What statements mean depends on it. */
  level?: DatabaseLevel | undefined;
  seal?: Seal | undefined;
  /** `url` leads to a pooler in transaction mode: no statement may count on what an earlier one left in the session. */
  pooled?: boolean | undefined;
  /** No statement may take longer on this server, whatever the pools allow. */
  statementTimeoutMs?: number | undefined;
};

export type ConnectionOptions = {
  applicationName: string;
  connectTimeoutMs: number;
  statementTimeoutMs: number;
};

/** One backend. It serves one environment for all its life, or those of a shared database in turn. */
export type Connection = {
  readonly client: pg.Client;
  /** At the level `shared` alone. */
  readonly session: SealedSession | undefined;
  readonly statements: PreparedStatements;
  readonly replies: Replies;
  /** Broken by an error or closed by the server: of no more use. */
  isBroken(): boolean;
  /** Runs when the backend is gone, for whatever reason; at once if it is already. */
  onGone(listener: () => void): void;
  /** Calls `late` once so much time has passed, unless the function that is returned was called. One at a time. */
  watch(deadlineMs: number, late: () => void): () => void;
  /** Asks the server to cancel what this backend does; resolves when the server has taken note. */
  cancel(): Promise<void>;
  /** Ready for the next statement, or gone. pg reports errors before that. */
  isReady(): boolean;
  /** Waits for it. */
  ready(): Promise<void>;
  /** Ends the backend and waits until it is gone: politely when it is idle, by force when it isn't. */
  close(): Promise<void>;
  /** Cancels what the backend does and cuts the line, whether or not the server answers. */
  abandon(): void;
};

const closeTimeoutMs = 5_000;

/** Connects; throws `DatabaseUnavailable` or the server's refusal, and leaves no backend behind. */
export async function openConnection(
  placement: DatabasePlacement,
  options: ConnectionOptions,
): Promise<Connection> {
  const pooled = placement.pooled || placement.seal?.pooled;
  const client = new pg.Client({
    connectionString: placement.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    stream: openSocket as () => Socket,
    // A pooler refuses these: there, statements end by our own deadline.
    ...(!pooled && {
      options: sessionSettings({
        ...options,
        statementTimeoutMs: Math.min(
          options.statementTimeoutMs,
          placement.statementTimeoutMs ?? options.statementTimeoutMs,
        ),
      }),
    }),
  });
  const connection = wrap(client, pooled ? noPreparedStatements : createPreparedStatements());
  try {
    await client.connect();
    const session = placement.seal && (await beginSession(client));
    return { ...connection, session, replies: divertReplies(client) };
  } catch (error) {
    connection.abandon();
    throw connectFailure(error);
  }
}

function sessionSettings({ statementTimeoutMs }: ConnectionOptions): string {
  return [
    `statement_timeout=${statementTimeoutMs}`,
    "idle_in_transaction_session_timeout=60000",
    // A backend whose client was cut off stops within a second instead of finishing its statement for nobody.
    "client_connection_check_interval=1000",
  ]
    .map((setting) => `-c ${setting}`)
    .join(" ");
}

async function beginSession(client: pg.Client): Promise<SealedSession> {
  const { rows } = await client.query<{ now: string }>(
    "select extract(epoch from clock_timestamp()) * 1000 as now",
  );
  return newSession((client as unknown as ClientInside).processID, Number(rows[0]!.now));
}

// What pg's types leave out.
type ClientInside = {
  processID: number;
  secretKey: number;
  ssl: boolean | TlsOptions;
  readyForQuery?: boolean;
  connection: { stream: { destroy(): void } };
};

function wrap(client: pg.Client, statements: PreparedStatements): Omit<Connection, "session" | "replies"> {
  const inner = client as unknown as ClientInside;
  const gone = Promise.withResolvers<void>();
  let broken = false;
  let ended = false;
  client.on("error", () => {
    broken = true;
  });
  client.once("end", () => {
    broken = true;
    ended = true;
    gone.resolve();
  });

  const isReady = (): boolean => inner.readyForQuery === true || ended;

  function destroy(): void {
    broken = true;
    inner.connection.stream.destroy();
  }

  return {
    client,
    statements,
    isBroken: () => broken,
    onGone: (listener) => void gone.promise.then(listener),
    watch: reusedTimer(gone.promise),
    cancel: () => sendCancelRequest(client),
    isReady,
    async ready() {
      if (isReady()) return;
      const drained = Promise.withResolvers<void>();
      client.once("drain", drained.resolve);
      await Promise.race([drained.promise, gone.promise]);
      client.off("drain", drained.resolve);
    },
    async close() {
      if (ended) return;
      broken = true;
      const timer = setTimeout(destroy, closeTimeoutMs);
      void client.end();
      await gone.promise;
      clearTimeout(timer);
    },
    abandon() {
      const cancelled = inner.processID ? sendCancelRequest(client) : Promise.resolve();
      // Without an answer the server notices by itself that we are gone (client_connection_check_interval).
      cancelled.then(destroy, destroy);
    },
  };
}

/** One timer for all the statements of a connection: to make and clear one for each costs more than it need. */
function reusedTimer(gone: Promise<void>): Connection["watch"] {
  let timer: NodeJS.Timeout | undefined;
  let timerMs = 0;
  let watched: (() => void) | undefined;
  const stop = (): void => {
    watched = undefined;
  };
  void gone.then(() => clearTimeout(timer));
  return (deadlineMs, late) => {
    watched = late;
    if (timer && timerMs === deadlineMs) timer.refresh();
    else {
      clearTimeout(timer);
      timer = setTimeout(() => watched?.(), deadlineMs).unref();
      timerMs = deadlineMs;
    }
    return stop;
  };
}

/** Waits for `ready()`, and cuts the line when even that takes long. */
export async function readyAgain(connection: Connection): Promise<void> {
  if (connection.isReady()) return;
  const timer = setTimeout(() => connection.abandon(), closeTimeoutMs);
  await connection.ready();
  clearTimeout(timer);
}

function connectFailure(error: unknown): unknown {
  if (error instanceof pg.DatabaseError && error.code === "53300") {
    return new PoolExhausted("The database server has no connection left for this role.");
  }
  return new DatabaseUnavailable("The database can't be reached.", { cause: error });
}

type CancelConnection = {
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  stream: { destroy(): void };
  on(event: string, listener: (error?: Error) => void): void;
};

/**
 * Asks the server to cancel what a connection is doing. The protocol does that over a connection of its own, which the
 * server closes once it has signalled the backend. Only then may the backend get its next statement, or the signal could
 * hit that one.
 */
export async function sendCancelRequest(client: pg.Client): Promise<void> {
  const target = client as unknown as ClientInside;
  const connection = new pg.Connection({ ssl: target.ssl }) as unknown as CancelConnection;
  const done = Promise.withResolvers<void>();
  const cancel = () => connection.cancel(target.processID, target.secretKey);
  connection.on("connect", () => (target.ssl ? connection.requestSsl() : cancel()));
  connection.on("sslconnect", cancel);
  connection.on("error", done.reject);
  connection.on("end", () => done.resolve());
  const timer = setTimeout(() => {
    done.reject(new DatabaseUnavailable("The database server doesn't take cancellations."));
    connection.stream.destroy();
  }, closeTimeoutMs);
  if (client.host.startsWith("/")) {
    (connection.connect as unknown as (path: string) => void)(`${client.host}/.s.PGSQL.${client.port}`);
  } else {
    connection.connect(client.port, client.host);
  }
  try {
    await done.promise;
  } finally {
    clearTimeout(timer);
  }
}

// Shutting down, crashed, starting up; and every trouble of the connection itself (class 08), whose P01 is also what too
// few or too many values get.
const goingAway = /^(57P0[1-5]|08(?!P01)...)$/;

/** Errors of a statement stay as the server sent them; errors of the line to it become `DatabaseUnavailable`. */
export function asUnavailable(error: unknown, message: string): unknown {
  // The second is what a value gets that can't be turned into text.
  if (error instanceof DataError || error instanceof TypeError) return error;
  if (error instanceof pg.DatabaseError && !goingAway.test(error.code ?? "")) return error;
  return new DatabaseUnavailable(message, { cause: error });
}
