import { z } from "zod";

/** A hostname as people enter it; the server reads it. */
export const ownHostname = z
  .string()
  .min(1)
  .max(300)
  .meta({ examples: ["www.acme.com"] });

const vouched = z
  .boolean()
  .optional()
  .describe("The operator vouches for it: no record in DNS is asked for, now or later.");

export const addDomainRequest = z.strictObject({
  hostname: ownHostname.describe("In Unicode or in punycode; without scheme, port, path and wildcard."),
  environment: z.string().min(1).max(63).optional().describe("Where it leads; production when left out."),
  verified: vouched,
});
export type AddDomainRequest = z.infer<typeof addDomainRequest>;

export const verifyDomainRequest = z.strictObject({ verified: vouched });

export const domainStatuses = ["active", "verified", "pending"] as const;

const record = z.object({
  purpose: z
    .enum(["ownership", "traffic"])
    .describe(
      "`ownership` proves whose the domain is; `traffic` brings visitors here, and as a CNAME proves it, too.",
    ),
  type: z
    .enum(["TXT", "CNAME", "ALIAS"])
    .describe("ALIAS (or ANAME, or A and AAAA) where DNS allows no CNAME; it proves nothing."),
  name: z.string(),
  value: z.string(),
  ttl: z.number().int(),
  state: z
    .enum(["found", "missing", "unknown"])
    .describe("`unknown`: nobody has asked yet, or DNS couldn't be asked."),
  found: z.array(z.string()).describe("What stood there instead, at the last look; the first ten."),
});
export type DomainRecord = z.infer<typeof record>;

export const domainReply = z
  .object({
    id: z.string().describe("dom_…"),
    hostname: z.string().describe("As DNS has it, in punycode."),
    displayName: z.string().describe("As people read it."),
    tenantId: z.string(),
    environment: z.string(),
    status: z
      .enum(domainStatuses)
      .describe(
        "`pending`: not proven; `verified`: proven, but not routed (see `reason`); `active`: routed.",
      ),
    reason: z.string().nullable().describe("Why it isn't active, or what is amiss though it is; a sentence."),
    url: z.string(),
    verification: z.object({
      method: z.enum(["txt", "cname", "operator"]).nullable().describe("What proved it."),
      verifiedAt: z.string().nullable(),
      outcome: z
        .enum(["proven", "missing", "unavailable", "taken"])
        .nullable()
        .describe(
          "Of the last look: `unavailable` when DNS couldn't be asked; `taken` when another tenant has proven it.",
        ),
      checkedAt: z.string().nullable(),
      nextCheckAt: z.string().nullable().describe("When DNS is looked at again without being asked to."),
      missingSince: z.string().nullable().describe("Since when the record of a proven domain isn't found."),
      lapsesAt: z
        .string()
        .nullable()
        .describe("When it stops counting as proven, unless the record comes back."),
    }),
    records: z
      .array(record)
      .describe("What to enter at whoever runs the domain's DNS. The TXT record or the CNAME proves it."),
    certificate: z
      .enum(["own authority"])
      .nullable()
      .describe("Who vouches for it over HTTPS; null for nobody."),
    createdAt: z.string(),
  })
  .meta({ id: "Domain" });
export type DomainReply = z.infer<typeof domainReply>;

export const lookedUpDomain = z
  .object({
    hostname: z.string().describe("As DNS has it, in punycode."),
    displayName: z.string().describe("As people read it."),
    holder: z
      .object({ tenantId: z.string(), slug: z.string(), environment: z.string() })
      .nullable()
      .describe("Who has proven it; null when nobody has."),
  })
  .meta({ id: "LookedUpDomain" });
export type LookedUpDomain = z.infer<typeof lookedUpDomain>;

export const domainListReply = z.object({
  items: z.array(domainReply),
  nextCursor: z.string().nullable().describe("Ask for the next page with it; null on the last one."),
});
