import type { DomainRecord, DomainReply } from "@tenantry/contract";
import type { Looked } from "../../drivers/dns/index.ts";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { showId } from "../../kernel/index.ts";
import { selectSystemHosts } from "../routing/index.ts";
import type { Settings } from "../settings/index.ts";
import type { DomainRow } from "./domains.sql.ts";
import { displayName, isApex, isBelow } from "./hostname.ts";
import { challengeName, challengeToken, leadsTo, saysToken } from "./proof.ts";
import { graceMs } from "./schedule.ts";

export type Showing = {
  settings: Pick<Settings, "get">;
  secrets: Pick<Secrets, "fingerprint">;
  rootDomain: string;
  publicUrl: (hostname: string) => string;
};

const ttl = 300;

/** One tenant's domains as the API shows them. */
export async function showDomains(
  { settings, secrets, rootDomain, publicUrl }: Showing,
  db: Db | Tx,
  rows: readonly DomainRow[],
): Promise<DomainReply[]> {
  const [first] = rows;
  if (!first) return [];
  const systemHosts = await selectSystemHosts(
    db,
    rows.map(({ environmentId }) => environmentId),
  );
  const automaticTls = await settings.get<boolean>(db, "automaticTls");
  const isOn = await settings.get<boolean>(db, "customDomains", { tenantId: first.tenantId });
  return rows.map((row) => {
    const hosts = systemHosts
      .filter(({ environmentId }) => environmentId === row.environmentId)
      .map(({ hostname }) => hostname);
    const status = row.verifiedAt === null ? "pending" : row.isRouted ? "active" : "verified";
    return {
      id: showId("dom", row.id),
      hostname: row.hostname,
      displayName: displayName(row.hostname),
      tenantId: showId("tnt", row.tenantId),
      environment: row.environmentName,
      status,
      reason: reasonOf(row, { isOn, rootDomain }),
      url: publicUrl(row.hostname),
      verification: showVerification(row),
      records: recordsOf(row, { token: challengeToken(secrets, row.environmentId), hosts }),
      certificate: status === "active" && automaticTls ? "own authority" : null,
      createdAt: row.createdAt.toISOString(),
    };
  });
}

function showVerification(row: DomainRow): DomainReply["verification"] {
  const { missingSince } = row;
  return {
    method: row.verifiedBy,
    verifiedAt: row.verifiedAt?.toISOString() ?? null,
    outcome: row.lastCheck?.outcome ?? null,
    checkedAt: row.checkedAt?.toISOString() ?? null,
    nextCheckAt: row.nextCheckAt?.toISOString() ?? null,
    missingSince: missingSince?.toISOString() ?? null,
    lapsesAt: missingSince && lapseOf(missingSince).toISOString(),
  };
}

export function lapseOf(missingSince: Date): Date {
  return new Date(missingSince.getTime() + graceMs);
}

function reasonOf(
  row: DomainRow,
  { isOn, rootDomain }: { isOn: boolean; rootDomain: string },
): string | null {
  if (row.verifiedAt === null) return pendingReason(row);
  if (!row.isRouted) {
    if (isBelow(row.hostname, rootDomain))
      return `It lies below the installation's own domain ${rootDomain}.`;
    return isOn ? "The tenant's hosts are being changed." : "The setting customDomains is off.";
  }
  if (row.missingSince)
    return `Its record isn't found any more. It lapses at ${lapseOf(row.missingSince).toISOString()}, unless the record comes back.`;
  return row.lastCheck?.outcome === "unavailable" && row.verifiedBy !== "operator" ? unasked(row) : null;
}

function pendingReason(row: DomainRow): string {
  switch (row.lastCheck?.outcome) {
    case undefined:
      return "DNS hasn't been looked at yet.";
    case "taken":
      return "Another tenant has proven that it is its own.";
    case "unavailable":
      return unasked(row);
    default:
      return "None of its records is found in DNS.";
  }
}

function unasked({ lastCheck }: DomainRow): string {
  const unavailable = [lastCheck?.txt, lastCheck?.cname].find((one) => one?.kind === "unavailable");
  return `DNS couldn't be asked: ${unavailable?.kind === "unavailable" ? unavailable.reason : "nobody answered"}.`;
}

function recordsOf(row: DomainRow, { token, hosts }: { token: string; hosts: string[] }): DomainRecord[] {
  const { txt, cname } = row.lastCheck ?? {};
  const records: DomainRecord[] = [];
  if (row.verifiedBy !== "operator") {
    records.push({
      ...{ purpose: "ownership", type: "TXT", name: challengeName(row.hostname), value: token, ttl },
      ...standing(txt, (looked) => saysToken(looked, token)),
    });
  }
  const [host] = hosts;
  if (host !== undefined) {
    const type = isApex(row.hostname) ? "ALIAS" : "CNAME";
    const stands = standing(cname, (looked) => leadsTo(looked, hosts));
    // Providers answer an ALIAS with addresses: nobody sees from outside whether it is there.
    const state = type === "ALIAS" && stands.state === "missing" ? "unknown" : stands.state;
    records.push({ purpose: "traffic", type, name: row.hostname, value: host, ttl, ...stands, state });
  }
  return records;
}

function standing(looked: Looked | undefined, isRight: (looked: Looked) => boolean) {
  const found = looked?.kind === "found" ? looked.values : [];
  if (looked === undefined || looked.kind === "unavailable") return { state: "unknown" as const, found };
  return { state: isRight(looked) ? ("found" as const) : ("missing" as const), found };
}
