import { domainToASCII } from "node:url";
import { addDomainRequest, type DomainReply } from "@tenantry/contract";
import { z } from "zod";

/** A tenant may have no more. */
const mostDomains = 100;

const form = "must be a hostname such as www.acme.com, or { hostname, environment, verified }";

const declaredDomain = z.preprocess(
  (given) => (typeof given === "string" ? { hostname: given } : given),
  z
    .strictObject({ ...addDomainRequest.shape, verified: z.literal(true).optional() }, form)
    .refine(({ hostname }) => isHostname(hostname), "must be a hostname such as www.acme.com"),
);

/** Domains of a tenant's own, each named once. Which of these names are refused, the server knows. */
export const declaredDomains = z
  .array(declaredDomain)
  .max(mostDomains)
  .superRefine((domains, context) => {
    const names = domains.map(({ hostname }) => inDns(hostname));
    names.forEach((name, index) => {
      if (names.indexOf(name) < index)
        context.addIssue({ code: "custom", path: [index], message: "stands there already" });
    });
  });
export type DeclaredDomain = z.infer<typeof declaredDomain>;

export const domainFields = Object.keys(addDomainRequest.shape);

/** What of a domain can be declared: how it stands otherwise is decided by DNS. */
export type StandingDomain = { hostname: string; environment: string; isVouchedFor: boolean };

export type DomainStep = {
  hostname: string;
  from: StandingDomain | undefined;
  /** Without one, it goes. `index` is where it stands in the file. */
  to: (StandingDomain & { index: number }) | undefined;
};

/** Comparable with what is declared. */
export function standing({ hostname, environment, verification }: DomainReply): StandingDomain {
  return { hostname, environment, isVouchedFor: verification.method === "operator" };
}

/** What has to happen to a tenant's domains; nothing where none are declared, which is other than an empty list. */
export function domainSteps(
  declared: readonly DeclaredDomain[] | undefined,
  existing: readonly StandingDomain[] = [],
): DomainStep[] {
  if (!declared) return [];
  const wanted = declared.map(({ hostname, environment = "production", verified = false }, index) => {
    const name = inDns(hostname);
    const from = existing.find((one) => one.hostname === name);
    const isSame = from?.environment === environment;
    // Who doesn't vouch for a domain leaves it to whoever did.
    const isVouchedFor = verified || (isSame && from.isVouchedFor);
    return { hostname: name, from, to: { hostname: name, environment, isVouchedFor, index } };
  });
  const gone = existing.filter(({ hostname }) => wanted.every((one) => one.hostname !== hostname));
  const leaving = gone.map((from) => ({ hostname: from.hostname, from, to: undefined }));
  // What is refused is refused before anything is taken away, but for those whose room is needed.
  const needed = Math.max(0, existing.length + wanted.filter(({ from }) => !from).length - mostDomains);
  return [
    ...leaving.slice(0, needed),
    ...wanted.filter(({ from, to }) => told(from) !== told(to)),
    ...leaving.slice(needed),
  ];
}

/** A domain's standing as the plan shows it; null for none. */
export function told(domain: StandingDomain | undefined): string | null {
  if (!domain) return null;
  return domain.isVouchedFor ? `${domain.environment}, vouched for` : domain.environment;
}

/** As short as a file can say it. */
export function shortest({ hostname, ...more }: DeclaredDomain): string | DeclaredDomain {
  const said = Object.values(more).some((value) => value !== undefined);
  return said ? { hostname, ...more } : hostname;
}

/** A domain as a file declares it. */
export function declareDomain({ displayName, environment, verification }: DomainReply): DeclaredDomain {
  return {
    hostname: displayName,
    ...(environment === "production" ? {} : { environment }),
    ...(verification.method === "operator" ? { verified: true as const } : {}),
  };
}

/** As the server keeps it. */
function inDns(hostname: string): string {
  return domainToASCII(hostname.trim().replace(/[.。．｡]$/u, "")).toLowerCase();
}

function isHostname(text: string): boolean {
  return !/[/:?#@\\%*_[\]\s\p{Cc}]/u.test(text.trim()) && inDns(text).includes(".");
}
