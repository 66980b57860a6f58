import { closeLogins, until } from "../common/close.ts";
import { selectEnvironmentLogins } from "../common/logins.sql.ts";
import type { DriverParts } from "../common/parts.ts";
import { joinRole, leaveRole } from "../common/roles.sql.ts";
import { renewSeal } from "../common/seal/index.ts";
import { type Session, withSession } from "../common/session.ts";
import type { ClosingPlace, DriverContext } from "../driver.ts";
import {
  deleteClosed,
  hasEarlierTransactions,
  insertClosed,
  selectNow,
  terminateEarlierTransactions,
} from "./close.sql.ts";

/**
 * Implements `DatabaseDriver.close`: the seal takes no token for the environment any more. Nobody can tell whose
 * transaction it is that began before, so all of that time are waited for; one that outlasts the grace is ended,
 * whosever it is: a transaction that is left open mustn't keep a tenant from leaving.
 */
export async function closeShared(
  parts: DriverParts,
  context: DriverContext,
  place: ClosingPlace,
): Promise<void> {
  const { server, database, environmentId, graceMs } = place;
  // A seal of an earlier version has no such list.
  await withSession(parts.connect, context, server, database.name, (session) =>
    renewSeal(session, { roles: parts.roles, name: database.name }),
  );
  await withSession(parts.connect, context, server, lockOf(place), async (session) => {
    const logins = await session.inDatabase(database.name, async (inside) => {
      await insertClosed(inside, environmentId);
      return selectEnvironmentLogins(inside, environmentId);
    });
    await closeLogins(session, context, logins, graceMs);
    await session.inDatabase(database.name, (inside) =>
      endTransactions(session, inside, context, { role: database.roleName!, graceMs }),
    );
  });
}

/** Implements `DatabaseDriver.reopen`. */
export async function reopenShared(
  parts: DriverParts,
  context: DriverContext,
  place: ClosingPlace,
): Promise<void> {
  const { server, database, environmentId } = place;
  await withSession(parts.connect, context, server, lockOf(place), (session) =>
    session.inDatabase(database.name, (inside) => deleteClosed(inside, environmentId)),
  );
}

const lockOf = ({ database, environmentId }: ClosingPlace): string =>
  `${database.name}/${environmentId}/entrance`;

async function endTransactions(
  session: Session,
  inside: Session,
  context: DriverContext,
  { role, graceMs }: { role: string; graceMs: number },
): Promise<void> {
  const moment = await selectNow(inside);
  await joinRole(session, role);
  const over = await until(
    context,
    graceMs,
    async () => !(await hasEarlierTransactions(inside, role, moment)),
  );
  if (!over) await terminateEarlierTransactions(inside, role, moment);
  await leaveRole(session, role);
}
