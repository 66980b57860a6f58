import { inTransaction, isUniqueViolation, type Tx } from "../../infra/db/index.ts";
import { selectSystemHosts } from "../routing/index.ts";
import { lapseOf } from "./domain-view.ts";
import { type DomainRow, lockDomain, markVerified, selectProven } from "./domains.sql.ts";
import type { DomainParts } from "./parts.ts";
import { challengeToken, checkDomain } from "./proof.ts";
import { settleDomains } from "./routed.ts";
import { graceMs, pauseOnceProven, pauseWhilePending } from "./schedule.ts";
import { tellOfDomain } from "./told.ts";
import { markLapsed, updateCheck, updateMissingSince } from "./verify.sql.ts";

type Found = Awaited<ReturnType<typeof checkDomain>>;

/** Looks at DNS for one domain, and draws the consequences. Safe to run beside itself. */
export async function lookAt(
  parts: DomainParts,
  domain: Pick<DomainRow, "id" | "hostname" | "environmentId">,
  { isAsked }: { isAsked: boolean },
): Promise<void> {
  const { db, dns, secrets } = parts;
  const hosts = await selectSystemHosts(db, [domain.environmentId]);
  const found = await checkDomain(dns, {
    hostname: domain.hostname,
    token: challengeToken(secrets, domain.environmentId),
    hosts: hosts.map(({ hostname }) => hostname),
  });
  const conclude = () =>
    inTransaction(db, (tx) => concludeFrom(parts, tx, { id: domain.id, found, isAsked }));
  try {
    await conclude();
  } catch (error) {
    // Another tenant has proven it since we looked: this time that is seen.
    if (!isUniqueViolation(error, "domains_verified")) throw error;
    await conclude();
  }
}

async function concludeFrom(
  parts: DomainParts,
  tx: Tx,
  { id, found, isAsked }: { id: string; found: Found; isAsked: boolean },
): Promise<void> {
  const row = await lockDomain(tx, id);
  if (!row) return;
  const { by, ...check } = found;
  const isTaken =
    row.verifiedAt === null &&
    check.outcome === "proven" &&
    (await selectProven(tx, row.hostname)) !== undefined;
  const outcome = isTaken ? ("taken" as const) : check.outcome;
  await updateCheck(tx, id, {
    check: { ...check, outcome },
    nextInMs: pauseAfter(row, outcome, isAsked),
    restartsWatch: isAsked || lapses(row, outcome),
  });
  const changesRoutes = await move(tx, row, outcome, by);
  if (changesRoutes) await settleDomains(parts, tx, [row.tenantId]);
}

function pauseAfter(row: DomainRow, outcome: Found["outcome"], isAsked: boolean): number | null {
  // The operator's word isn't looked after.
  if (row.verifiedBy === "operator") return null;
  if (lapses(row, outcome)) return pauseWhilePending(0);
  if (row.verifiedAt !== null || outcome === "proven") return pauseOnceProven(outcome === "proven");
  return pauseWhilePending(isAsked ? 0 : Date.now() - row.watchedSince.getTime());
}

/** Whether what leads where is another than before. */
async function move(tx: Tx, row: DomainRow, outcome: Found["outcome"], by: Found["by"]): Promise<boolean> {
  if (row.verifiedBy === "operator") return false;
  if (outcome === "proven" && by) {
    await markVerified(tx, row.id, by);
    if (row.verifiedAt === null) await tellOfDomain(tx, row, "domain.verified", { by });
    else if (row.missingSince) await tellOfDomain(tx, row, "domain.record-found");
    return row.verifiedAt === null;
  }
  // Nobody said that the record is gone.
  if (row.verifiedAt === null || outcome !== "missing") return false;
  if (lapses(row, outcome)) {
    await markLapsed(tx, row.id);
    await tellOfDomain(tx, row, "domain.lapsed");
    return true;
  }
  if (row.missingSince === null) {
    await updateMissingSince(tx, row.id, true);
    await tellOfDomain(tx, row, "domain.record-missing", { lapsesAt: lapseOf(new Date()).toISOString() });
  }
  return false;
}

function lapses({ missingSince }: DomainRow, outcome: Found["outcome"]): boolean {
  return outcome === "missing" && missingSince !== null && Date.now() - missingSince.getTime() >= graceMs;
}
