import { setTimeout as pause } from "node:timers/promises";
import type { ClosingPlace, DriverContext } from "../driver.ts";
import { isAnyAtWork, letLogIn } from "./close.sql.ts";
import type { DriverParts } from "./parts.ts";
import { forbidLogin, joinRole, leaveRole, roleExists, terminateRole } from "./roles.sql.ts";
import { type Session, withSession } from "./session.ts";

const lookEveryMs = 25;

/** An environment's own roles, and the name whose lock everybody takes who changes the place. */
export type OwnEntrance = {
  lock: string;
  role: string;
  /** The logins that were given out, or made for one piece of work. */
  logins(session: Session): Promise<string[]>;
};

/** Implements `DatabaseDriver.close` where an environment logs in as a role of its own. */
export async function closeOwn(
  parts: DriverParts,
  context: DriverContext,
  { server, graceMs }: Pick<ClosingPlace, "server" | "graceMs">,
  { lock, role, logins }: OwnEntrance,
): Promise<void> {
  await withSession(parts.connect, context, server, lock, async (session) => {
    await closeLogins(session, context, [role, ...(await logins(session))], graceMs);
  });
}

/** Implements `DatabaseDriver.reopen` there. Logins that were given out are for whoever gave them to open. */
export async function reopenOwn(
  parts: DriverParts,
  context: DriverContext,
  { server }: Pick<ClosingPlace, "server">,
  { lock, role }: OwnEntrance,
): Promise<void> {
  await withSession(parts.connect, context, server, lock, async (session) => {
    if (await roleExists(session, role)) await letLogIn(session, role);
  });
}

/** Nobody comes in as one of these roles, and who is in may end what he began; then he is put out. */
export async function closeLogins(
  session: Session,
  context: DriverContext,
  all: readonly string[],
  graceMs: number,
): Promise<void> {
  const names: string[] = [];
  for (const name of all) if (await roleExists(session, name)) names.push(name);
  if (names.length === 0) return;
  for (const name of names) await forbidLogin(session, name);
  // Who isn't a superuser sees nothing of what others do unless he could become them.
  for (const name of names) await joinRole(session, name);
  await until(context, graceMs, async () => !(await isAnyAtWork(session, names)));
  // One that was let in at the last moment shows only the second time.
  for (const _time of ["now", "a moment later"]) {
    for (const name of names) {
      await terminateRole(session, name);
      await leaveRole(session, name);
    }
    await pause(lookEveryMs * 2, undefined, { signal: context.signal });
  }
}

/** Looks until something is so, or the time is over. */
export async function until(
  { signal }: Pick<DriverContext, "signal">,
  patienceMs: number,
  isSo: () => Promise<boolean>,
): Promise<boolean> {
  for (const end = performance.now() + patienceMs; ; ) {
    if (await isSo()) return true;
    if (performance.now() > end) return false;
    await pause(lookEveryMs, undefined, { signal });
  }
}
