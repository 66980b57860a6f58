import type { DnsLookup, Looked } from "../../drivers/dns/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import type { Check } from "./domains.sql.ts";
import { challengeLabel } from "./hostname.ts";

export type Challenge = {
  hostname: string;
  /** What the TXT record has to say. */
  token: string;
  /** Hosts of the environment's own: an alias of one of these proves it, too. */
  hosts: readonly string[];
};

export function challengeName(hostname: string): string {
  return `${challengeLabel}.${hostname}`;
}

/** The same for all domains of an environment, and good for no other; nobody can make one for somebody else's. */
export function challengeToken(secrets: Pick<Secrets, "fingerprint">, environmentId: string): string {
  const mark = secrets.fingerprint(`domains of environment ${environmentId}`).subarray(0, 16);
  return `tenantry-verify=${mark.toString("hex")}`;
}

/** Asks DNS whether a domain is who claims it. Never rejects. */
export async function checkDomain(
  dns: DnsLookup,
  challenge: Challenge,
): Promise<Check & { by?: "txt" | "cname" }> {
  const { hostname } = challenge;
  const [txt, cname] = await Promise.all([dns.txt(challengeName(hostname)), dns.aliases(hostname)]);
  const kept = { txt: cut(txt), cname: cut(cname) };
  if (saysToken(txt, challenge.token)) return { outcome: "proven", by: "txt", ...kept };
  if (leadsTo(cname, challenge.hosts)) return { outcome: "proven", by: "cname", ...kept };
  const isUnsure = txt.kind === "unavailable" || cname.kind === "unavailable";
  return { outcome: isUnsure ? "unavailable" : "missing", ...kept };
}

/** Some forms of DNS providers keep the quotes that people copied. */
export function saysToken(txt: Looked, token: string): boolean {
  return txt.kind === "found" && txt.values.some((value) => value.trim().replace(/^"(.*)"$/, "$1") === token);
}

export function leadsTo(cname: Looked, hosts: readonly string[]): boolean {
  return cname.kind === "found" && cname.values.some((value) => hosts.includes(value));
}

/** Names hold as much as their owners like. The record that counts stays in sight wherever it stands. */
function cut(looked: Looked): Looked {
  if (looked.kind !== "found") return looked;
  const ours = (value: string) => value.includes("tenantry-verify");
  const sorted = [...looked.values.filter(ours), ...looked.values.filter((value) => !ours(value))];
  return { kind: "found", values: sorted.slice(0, 10).map(printable) };
}

function printable(value: string): string {
  return value.slice(0, 200).replace(/[\p{Cc}\p{Cf}\ufffd]/gu, "?");
}
