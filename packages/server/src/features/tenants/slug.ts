import { isCanarySlug } from "../../kernel/index.ts";

/** Names that would collide with paths, hosts or roles of the platform itself. */
const reserved = new Set(
  (
    "account accounts admin administrator api app apps assets auth autoconfig autodiscover backup billing blog cdn " +
    "console dashboard default demo dev dns docs edge email files ftp gateway git health help host hosting imap info " +
    "internal localhost login logout mail main media metrics monitor mx new news noreply ns ns1 ns2 oauth operator " +
    "ops panel platform pop pop3 postmaster primary private production proxy public register registry root sandbox " +
    "security server shop signin signup sites smtp ssl staging static status store support sync system telemetry " +
    "tenant tenantry tenants test tls tms upload uploads user users webhook webhooks webmail wpad www www1 www2"
  ).split(" "),
);

export type SlugVerdict = { ok: true } | { ok: false; reason: string; suggestion: string | undefined };

/** Whether a slug may be used [REG-10]; if not, says why and, where one can be made, suggests another. */
export function checkSlug(slug: string): SlugVerdict {
  const reason = refusal(slug);
  if (reason === undefined) return { ok: true };
  const suggestion = deriveSlug(slug);
  return { ok: false, reason, suggestion };
}

function refusal(slug: string): string | undefined {
  if (slug.length < 3) return "A slug has at least 3 characters.";
  if (slug.length > 50) return "A slug has at most 50 characters.";
  if (slug.includes("--")) return "A slug has no double hyphens: they mark environments and punycode.";
  if (slug.startsWith("-") || slug.endsWith("-")) return "A slug neither starts nor ends with a hyphen.";
  if (/[A-Z]/.test(slug)) return "A slug has lower-case letters only.";
  if (!/^[a-z0-9-]+$/.test(slug)) return "A slug has only the letters a to z, digits and hyphens.";
  if (/^\d+$/.test(slug))
    return "A slug has at least one letter: a bare number reads like part of an address.";
  if (reserved.has(slug) || isCanarySlug(slug)) return `"${slug}" is reserved for the platform itself.`;
  return undefined;
}

/** Makes a usable slug of any text ("New_Client GmbH" → "new-client-gmbh"); undefined when nothing usable is left. */
export function deriveSlug(text: string): string | undefined {
  const plain = text
    .slice(0, 200)
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 50)
    .replace(/^-+|-+$/g, "");
  const candidates = [plain, `${plain}-site`, `my-${plain}`].map((candidate) => candidate.slice(0, 50));
  return candidates.find((candidate) => refusal(candidate) === undefined);
}

/** The nth variant of a taken slug: `acme-2`, cut so that it stays within 50 characters. */
export function numberedSlug(slug: string, number: number): string {
  const suffix = `-${number}`;
  return `${slug.slice(0, 50 - suffix.length).replace(/-+$/, "")}${suffix}`;
}
