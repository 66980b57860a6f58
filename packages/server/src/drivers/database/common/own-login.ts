import type pg from "pg";
import type { DriverContext, LoginPlace, Logins } from "../driver.ts";
import { newPassword } from "./scram.ts";
import { holderName, openClient, serverUnreachable, sessionSettings, withAbortable } from "./session.ts";

const openForMs = 3_600_000;
const [statementTimeoutMs, lockTimeoutMs] = [300_000, 10_000];

/**
 * Works on a connection of a login that is made for it, reaches one environment alone and reads and writes rows, no more.
 * `remove` takes the login away at the end, however that comes. Throws `server_unreachable`.
 */
export async function asOwnLogin<Result>(
  context: DriverContext,
  { place, loginId, logins }: { place: LoginPlace; loginId: string; logins: Logins },
  { work, remove }: { work(client: pg.Client): Promise<Result>; remove(): Promise<void> },
): Promise<Result> {
  const { server, database } = place;
  const login = { roleName: logins.nameOf(loginId), password: newPassword() };
  // A connection that an earlier holder left open under this login is ended by that.
  await logins.place(context, { ...place, login });
  await logins.align(context, {
    ...{ server, roleName: login.roleName },
    state: async () => ({ open: true, until: new Date(Date.now() + openForMs) }),
  });
  try {
    const client = await open(context, logins.url(server, database, login));
    return await withAbortable(client, context.signal, work);
  } finally {
    await remove();
  }
}

function open(context: DriverContext, url: string): Promise<pg.Client> {
  return openClient({
    connectionString: url,
    application_name: holderName(context),
    connectionTimeoutMillis: 10_000,
    options: sessionSettings({
      statement_timeout: String(statementTimeoutMs),
      lock_timeout: String(lockTimeoutMs),
      client_min_messages: "warning",
    }),
  }).catch((cause: unknown) => {
    throw serverUnreachable(cause);
  });
}

/**
 * Told when all has been done and nothing is committed: with the transaction (null when it wrote nothing), for whoever
 * has to find out later what became of it.
 */
export type BeforeCommit = (done: { transactionId: string | null; rowsChanged: number }) => Promise<void>;

/** Commits what an own login did, once somebody has noted which transaction that is. */
export async function commitNoted(
  context: DriverContext,
  client: pg.Client,
  { rowsChanged, beforeCommit }: { rowsChanged: number; beforeCommit: BeforeCommit },
): Promise<{ rowsChanged: number }> {
  const { rows } = await client.query<{ id: string | null }>(
    "select pg_catalog.pg_current_xact_id_if_assigned()::text as id",
  );
  await context.assertLease();
  await beforeCommit({ transactionId: rows[0]!.id, rowsChanged });
  await client.query("commit");
  return { rowsChanged };
}
