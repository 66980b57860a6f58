import { isIP } from "node:net";
import { domainToASCII, domainToUnicode } from "node:url";
import { parse } from "tldts";
import { echo, failure } from "../../kernel/index.ts";
import { skeletonOf, strangeLabel } from "./look-alike.ts";

export type HostnameRules = {
  rootDomain: string;
  /** Other names under which the installation itself answers. */
  ownNames: readonly string[];
  /** Whether a name may stand below none of the suffixes that everybody knows: such as `shop.internal`. */
  allowsPrivate: boolean;
};

/** What is asked in DNS stands below the name, and has to fit as well. */
export const challengeLabel = "_tenantry-challenge";
const longestName = 253 - challengeLabel.length - 1;

/** Names that no DNS answers for, or that mean this machine (RFC 6761, RFC 6762, RFC 7686, RFC 9476). */
const neverNames = ["localhost", "local", "invalid", "onion", "alt", "arpa"];

/** A domain of a tenant's own in the form DNS has it; throws `domain_refused`, at `/hostname`, with the reason. */
export function readHostname(text: string, rules: HostnameRules): string {
  const trimmed = text.trim().replace(/[.。．｡]$/u, "");
  const spelling = misspelt(trimmed);
  if (spelling) throw refused(spelling);
  const hostname = domainToASCII(trimmed).toLowerCase();
  const reason = hostname === "" ? notAName : refusalOf(hostname, rules);
  if (reason) throw refused(reason);
  return hostname;
}

/** As people read it. */
export function displayName(hostname: string): string {
  return domainToUnicode(hostname) || hostname;
}

/** Whether it is what somebody registered, rather than a name below that: DNS allows no CNAME there. */
export function isApex(hostname: string): boolean {
  return parse(hostname, { allowPrivateDomains: true }).domain === hostname;
}

export function isBelow(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`);
}

const notAName = "This isn't a hostname such as www.acme.com.";

function refused(message: string) {
  return failure("domain_refused", { detail: message, errors: [{ pointer: "/hostname", message }] });
}

function misspelt(text: string): string | undefined {
  if (text.includes("*")) return "Wildcards aren't possible: add each hostname by itself.";
  if (isIP(text.replace(/^\[(.*)\]$/, "$1")) !== 0) return "An IP address can't be a tenant's domain.";
  if (/[/:?#@\\%\s\p{Cc}]/u.test(text)) {
    return "Give the hostname alone, such as www.acme.com: without scheme, port, path and spaces.";
  }
  if (text.includes("_")) return "A hostname has no underscores.";
  return undefined;
}

function refusalOf(hostname: string, rules: HostnameRules): string | undefined {
  if (hostname.length > longestName) return `A domain has at most ${longestName} characters.`;
  if (!/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(hostname))
    return notAName;
  // What claims to be punycode and is none would be shown as it is written.
  if (
    displayName(hostname)
      .split(".")
      .some((label) => label.startsWith("xn--"))
  )
    return notAName;
  const last = hostname.slice(hostname.lastIndexOf(".") + 1);
  // Such a name is read as an address (WHATWG URL §3.5), and domainToASCII may have made one.
  if (isIP(hostname) !== 0 || /^(?:\d+|0x[0-9a-f]*)$/.test(last))
    return "An IP address can't be a tenant's domain.";
  return ownName(hostname, rules) ?? reserved(hostname, rules) ?? lookAlike(hostname, rules);
}

function ownName(hostname: string, { rootDomain, ownNames }: HostnameRules): string | undefined {
  if (isBelow(hostname, rootDomain)) {
    return `${rootDomain} is the installation's own domain: tenants get their hosts below it by their slugs.`;
  }
  return ownNames.includes(hostname) ? `${hostname} is the installation's own.` : undefined;
}

function reserved(hostname: string, { allowsPrivate }: HostnameRules): string | undefined {
  const never = neverNames.find((name) => isBelow(hostname, name));
  if (never) return `Names below .${never} are reserved: nobody owns one.`;
  const { publicSuffix, isIcann, isPrivate } = parse(hostname, { allowPrivateDomains: true });
  if (publicSuffix === hostname || !hostname.includes("."))
    return `${echo(displayName(hostname))} is a name that others register under: it belongs to nobody alone.`;
  if (isIcann || isPrivate || allowsPrivate) return undefined;
  return `Nobody can register a name below .${publicSuffix}: public DNS doesn't have it. An operator may vouch for it.`;
}

function lookAlike(hostname: string, { rootDomain }: HostnameRules): string | undefined {
  const shown = displayName(hostname);
  const label = shown.split(".").find((one) => strangeLabel(one, shown));
  if (label !== undefined) return `${echo(label)} has letters that pass for those of another script.`;
  return isBelow(skeletonOf(shown), skeletonOf(displayName(rootDomain)))
    ? `${echo(shown)} can be mistaken for the installation's own domain.`
    : undefined;
}
