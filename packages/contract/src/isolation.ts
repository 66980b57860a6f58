import { z } from "zod";
import { databaseLevels } from "./tenants.ts";

/** The ways from one tenant to another that are tried. */
export const isolationPaths = [
  "registry",
  "database",
  "storage",
  "cache",
  "api",
  "sessions",
  "gateway",
  "jobs",
] as const;
export type IsolationPath = (typeof isolationPaths)[number];

export const attemptOutcomes = ["refused", "sound", "breach", "failed", "skipped"] as const;
export const isolationVerdicts = ["isolated", "incomplete", "breached"] as const;
export type IsolationVerdict = (typeof isolationVerdicts)[number];
export type AttemptOutcome = (typeof attemptOutcomes)[number];

export const verifyIsolationRequest = z.strictObject({
  tenant: z
    .string()
    .max(60)
    .regex(/^[a-z0-9][a-z0-9_-]*$/, "must be a tenant's id or slug")
    .optional()
    .describe("Look at this tenant, by id or slug, and no others."),
  level: z.enum(databaseLevels).optional().describe("Only at this database level, also when nobody uses it."),
  sample: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe("How many tenants to look at; the setting isolationSampleSize when left out."),
});
export type VerifyIsolationRequest = z.infer<typeof verifyIsolationRequest>;

const attempt = z
  .object({
    probe: z.string().describe("What was tried, as in the published list of probes."),
    path: z.enum(isolationPaths),
    from: z.string().describe("In whose name it was tried."),
    to: z.string().describe("What it was aimed at."),
    tried: z.string(),
    outcome: z
      .enum(attemptOutcomes)
      .describe(
        "refused: as it must be. sound: what was examined is as it was built. breach: it got through, or would. " +
          "failed: it couldn't be tried, and should have been. skipped: there was nothing to try. `answer` says why.",
      ),
    answer: z.string().describe("What came back; never a tenant's data."),
    remedy: z.string().nullable().describe("What to do about a breach."),
  })
  .meta({ id: "IsolationAttempt" });
export type IsolationAttempt = z.infer<typeof attempt>;

const counts = z.object({
  refused: z.number().int(),
  sound: z.number().int(),
  breach: z.number().int(),
  failed: z.number().int(),
  skipped: z.number().int(),
});

const verdict = z
  .enum(isolationVerdicts)
  .describe("incomplete: nothing got through, and something that should have been tried couldn't be.");

export const isolationReport = z
  .object({
    version: z.literal(1),
    id: z.string().describe("rpt_…"),
    operationId: z.string().describe("op_…"),
    installation: z.string().describe("urn:uuid:…"),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime(),
    scope: z.object({
      tenant: z.string().nullable().describe("tnt_…, when it was about one."),
      level: z.enum(databaseLevels).nullable(),
      sample: z.number().int().describe("How many tenants were looked at, at most."),
      canaries: z.array(z.string()).describe("Between which levels and applications the canaries stood."),
    }),
    verdict,
    counts,
    attempts: z.array(attempt),
  })
  .meta({ id: "IsolationReport" });
export type IsolationReport = z.infer<typeof isolationReport>;

export const signedIsolationReport = z
  .object({
    report: isolationReport,
    signature: z.object({
      algorithm: z.literal("Ed25519"),
      keyId: z.string().describe("The RFC 7638 thumbprint of the installation's key, as in its JWKS."),
      publicKey: z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() }),
      value: z.string().describe("base64url"),
    }),
  })
  .meta({ id: "SignedIsolationReport" });
export type SignedIsolationReport = z.infer<typeof signedIsolationReport>;

const summary = z
  .object({
    id: z.string().describe("rpt_…"),
    operationId: z.string().describe("op_…"),
    verdict,
    attempts: z.number().int(),
    breaches: z.number().int(),
    failed: z.number().int().describe("How many couldn't be tried."),
    skipped: z.number().int(),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime(),
  })
  .meta({ id: "IsolationReportSummary" });
export type IsolationReportSummary = z.infer<typeof summary>;

export const isolationReportListReply = z.object({
  items: z.array(summary),
  nextCursor: z.string().nullable(),
});

/** What the signature of a report is over: its members sorted by name, whatever became of their order on the way. */
export function isolationReportText(report: IsolationReport): string {
  return `tenantry isolation report\n${canonical(report)}`;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
