import type { DomainRecord, DomainReply, LookedUpDomain } from "@tenantry/contract";
import type { Look } from "../../output/look.ts";
import { at, fields, state, table } from "../../output/table.ts";

export function listDomains({ items }: { items: readonly DomainReply[] }, look: Look): string {
  const rows = items.map((domain) => [
    domain.displayName,
    domain.environment,
    state(domain.status),
    domain.verification.method,
    domain.reason,
  ]);
  return table(look, ["domain", "environment", "state", "proven by", "reason"], rows);
}

export function tellHolder({ displayName, holder }: LookedUpDomain): string {
  if (!holder) return `Nobody has proven ${displayName}: it can be added.`;
  return `${holder.slug} has proven ${displayName} (${holder.environment}).`;
}

/** A domain, and what is to be entered in DNS in the form in which providers ask for it. */
export function showDomain(domain: DomainReply, look: Look): string {
  const { verification } = domain;
  const facts = fields(look, [
    ["Domain", domain.displayName],
    ["In DNS", domain.displayName === domain.hostname ? undefined : domain.hostname],
    ["Environment", domain.environment],
    ["State", state(domain.status)],
    ["Reason", domain.reason],
    ["Address", domain.url],
    ["Proven by", verification.method],
    ["Looked at", at(verification.checkedAt)],
    ["Next look", at(verification.nextCheckAt)],
    ["Certificate", domain.certificate],
  ]);
  const wrong = domain.records.filter(({ found, state: stands }) => stands !== "found" && found.length > 0);
  return [
    facts,
    "",
    headingOf(domain),
    "",
    table(look, ["type", "name", "value", "ttl", "state"], domain.records.map(recordRow)),
    ...wrong.map(({ type, name, found }) => `\nInstead, ${name} has ${type}: ${found.join(", ")}`),
  ].join("\n");
}

/** What is to be entered in DNS for those that aren't proven. */
export function showWaiting(domains: readonly DomainReply[], look: Look): string {
  const rows = domains.flatMap(({ displayName, records }) =>
    records.map((record, index) => [index === 0 ? displayName : { text: " " }, ...recordRow(record)]),
  );
  return [
    "Enter in DNS, for each of these domains, its TXT or its CNAME record:",
    "",
    table(look, ["domain", "type", "name", "value", "ttl", "state"], rows),
  ].join("\n");
}

function headingOf({ status, records }: DomainReply): string {
  if (status !== "pending") return "In DNS:";
  // An ALIAS brings visitors, and proves nothing.
  return records.some(({ type }) => type === "ALIAS") ? "Enter in DNS:" : "Enter one of these in DNS:";
}

function recordRow({ type, name, value, ttl, state: stands }: DomainRecord) {
  return [type, name, value, ttl, state(stands)];
}
