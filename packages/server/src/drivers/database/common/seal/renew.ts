import { setTimeout as pause } from "node:timers/promises";
import { databaseErrorCode } from "../../../../infra/db/index.ts";
import { failure } from "../../../../kernel/index.ts";
import { setSessionDefaults } from "../logins.sql.ts";
import type { InstallationRoles } from "../names.ts";
import { leaveRole, terminateRole } from "../roles.sql.ts";
import type { Session } from "../session.ts";
import { bindLogin } from "./bind-login.ts";
import { createSeal, priceConditions, renewFunctions, updatePooled } from "./install.sql.ts";
import {
  alterPolicies,
  selectOutdatedLogins,
  selectPattern,
  selectSealedTables,
  selectTransactions,
} from "./renew.sql.ts";
import { revokeForms, revokeSharedReach } from "./revoke.sql.ts";
import { type SealStrategy, sealExpressions } from "./strategy.ts";
import { selectSealed } from "./verify-seal.sql.ts";
import { dropSpanningIndexes, selectRelationProblems } from "./verify-tables.sql.ts";
import { selectVersion } from "./versions.ts";

type Renewal = {
  roles: InstallationRoles;
  name: string;
  /** Whether tokens may leave out which backend they are for; as it stands when left out. */
  pooled?: boolean;
};

/** For so long may whoever comes meanwhile wait behind us for a lock, at a time, and so often is it tried. */
const attemptMs = 50;
const attempts = 60;

/**
 * Brings the seal of an earlier version up to date, in two transactions after each of which tables and functions fit each
 * other; whoever is interrupted leaves one of these. Tokens serve before and after; tenants wait while the tables'
 * policies change, for milliseconds. Answers whether there was anything to do: a seal that is like none that we know is left
 * as it is, and found by `verifySeal`. Repeatable; two take turns by the lock on the database's name.
 */
export async function renewSeal(session: Session, { roles, name, pooled }: Renewal): Promise<boolean> {
  return session.inDatabase(name, async (inside) => {
    const sealed = await inside.inspect((client) => selectSealed(client));
    if (!sealed) return false;
    const { age } = await inside.inspect((client) => selectVersion(client, sealed.strategy));
    if (age === "earlier") {
      await priceConditions(inside);
      await renewStanding(inside, {
        roles,
        strategy: sealed.strategy,
        endLogins: () => endLogins(session, inside),
      });
    }
    if (age === "earlier" || age === "current") await bindOutdatedLogins(session, inside, name);
    if (pooled !== undefined && (age === "earlier" || age === "current")) await updatePooled(inside, pooled);
    return age === "earlier";
  });
}

/**
 * First the functions, which serve the policies as they were. Whoever has entered by the earlier ones, or is about to, is
 * waited for: nobody who did meets the policies as they are to be.
 */
async function renewStanding(
  inside: Session,
  {
    roles,
    strategy,
    endLogins,
  }: { roles: InstallationRoles; strategy: SealStrategy; endLogins: () => Promise<void> },
): Promise<void> {
  await withoutReaders(inside, endLogins, () => renewFunctions(inside, roles, strategy));
  await outlastTransactions(inside);
  const tables = await selectSealedTables(inside);
  await withoutReaders(inside, endLogins, async () => {
    const before = await selectPattern(inside);
    await createSeal(inside, roles, strategy);
    if ((await selectPattern(inside)) !== before) {
      await inside.change(`lock table ${tables.map(({ name }) => name).join(", ")} in access exclusive mode`);
      await alterPolicies(inside, tables, sealExpressions(strategy));
      await dropSpanningIndexes(inside);
    }
    await revokeForms(inside);
    if (inside.superuser) await revokeSharedReach(inside, roles);
    const problems = await inside.inspect((client) => selectRelationProblems(client));
    if (problems.length > 0) {
      throw failure("isolation_unavailable", {
        detail: `The seal can't be brought up to date: ${problems.join(" ")}`,
      });
    }
  });
}

/** Waits for those that are under way now, as long as for a lock: whoever lasts longer has that, if he has entered. */
async function outlastTransactions(inside: Session): Promise<void> {
  const underWay = await selectTransactions(inside);
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    const now = new Set(await selectTransactions(inside));
    if (!underWay.some((each) => now.has(each))) return;
    await pause(Math.min(20 * attempt, 500));
  }
}

/**
 * A transaction in which nobody else enters, as soon as all who have are done. Logins are ended before each attempt: one
 * that keeps a table locked would keep the seal as it was.
 */
async function withoutReaders(
  inside: Session,
  endLogins: () => Promise<void>,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await endLogins();
    await inside.change(`begin; set local lock_timeout = ${attemptMs}`);
    try {
      await inside.change("lock table tenantry.secret in access exclusive mode");
      await work();
      return void (await inside.change("commit"));
    } catch (error) {
      await inside.change("rollback");
      if (databaseErrorCode(error) !== "55P03" || attempt === attempts) throw error;
      await pause(Math.min(20 * attempt, 500));
    }
  }
}

/** Sessions that began before the database said what conditions cost would get errors from then on. */
async function endLogins(session: Session, inside: Session): Promise<void> {
  const logins = await inside.read<{ name: string }>(
    `select distinct usename::text as name from pg_stat_activity a join tenantry.login l on l.role = a.usename
     where a.datname = current_database()`,
  );
  for (const { name } of logins) {
    await terminateRole(session, name);
    await leaveRole(session, name);
  }
}

/** Their sessions begin in their environment as that is written now; those that began otherwise end. */
async function bindOutdatedLogins(session: Session, inside: Session, database: string): Promise<void> {
  for (const { name, environmentId } of await selectOutdatedLogins(inside)) {
    await setSessionDefaults(session, { name, database }, await bindLogin(inside, environmentId));
    await terminateRole(session, name);
  }
}
