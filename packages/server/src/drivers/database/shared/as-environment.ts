import type pg from "pg";
import { createClosedLogin, openLogin } from "../common/logins.sql.ts";
import { isAnswer } from "../common/migrator.ts";
import { loginName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { removeLogin } from "../common/remove.ts";
import { newPassword, scramVerifier } from "../common/scram.ts";
import { holderName, type Session, sessionSettings, withAbortable } from "../common/session.ts";
import { urlAs } from "../common/url.ts";
import type { DriverContext, SharedPlace } from "../driver.ts";
import { maySetOffTriggers, setOffTriggers } from "./environments.sql.ts";
import { sharedLogins } from "./logins.ts";

/** By which a statement is ended that hangs in the application's own code. */
const statementTimeoutMs = 900_000;

/**
 * Works on a connection of a login that is made for this, reaches one environment alone, and is gone at the end. Writing
 * and reading rows runs code of the application (triggers, defaults, checks, what indexes are made of): whoever logged in
 * is whom it can become, so it never runs where that is us. What an interrupted attempt left is removed first.
 */
export async function asEnvironment<Result>(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  place: SharedPlace,
  work: (client: pg.Client) => Promise<Result>,
  options: { withoutTriggers?: boolean } = {},
): Promise<Result> {
  const { server, database, environmentId } = place;
  const name = loginName(environmentId);
  const resource = { kind: "role", driver: "database", serverId: server.id, physicalName: name };
  const password = newPassword();
  await context.declareResource(resource);
  await removeLogin(session, name, parts.roles);
  const verifier = await scramVerifier(password);
  await createClosedLogin(session, { name, verifier, connectionLimit: 1, database: database.name });
  await sharedLogins(parts).admit(session, place, name);
  // Who may needn't have each row's triggers fired and its references looked up.
  if (options.withoutTriggers && (await maySetOffTriggers(session)))
    await setOffTriggers(session, name, database.name);
  await openLogin(session, name, undefined);
  const client = await parts.connect({
    connectionString: urlAs(server.url, { user: name, password, database: database.name }),
    application_name: holderName(context),
    connectionTimeoutMillis: 10_000,
    options: sessionSettings({
      statement_timeout: String(statementTimeoutMs),
      client_min_messages: "warning",
    }),
  });
  const [result, error] = await withAbortable(client, context.signal, () => work(client)).then(
    (done) => [done, undefined] as const,
    (reason: unknown) => [undefined, reason] as const,
  );
  // After anything but an answer the session may be of no use, and a repetition cleans up.
  if (error && !isAnswer(error)) throw error;
  await removeLogin(session, name, parts.roles);
  await context.resourceRemoved(resource);
  if (error) throw error;
  return result as Result;
}
