import { z } from "zod";
import { ownHostname } from "./domains.ts";
import { storageLevels } from "./storage-servers.ts";
import { plainText } from "./text.ts";

/** A name that people sort by: a plan, a region, a group. */
export const label = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "must be lower-case letters and digits, joined by . _ or -")
  .meta({ examples: ["standard"] });

/** Another tenant, by its id or slug. */
const tenantReference = z
  .string()
  .max(60)
  .regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, "must be a tenant's id or slug")
  .meta({ examples: ["acme"] });

/** Checked by `checkSlug` on the server, which also suggests a better one. */
const slug = z
  .string()
  .max(200)
  .meta({ examples: ["acme"] });

export const timezone = z
  .string()
  .max(64)
  .refine((name) => isTimezone(name), "must be an IANA timezone such as Europe/Berlin")
  .meta({ examples: ["Europe/Berlin"] });

export const language = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/, "must be a language tag such as en or pt-BR")
  .meta({ examples: ["pt-BR"] });

export const logoUrl = z.url({ protocol: /^https?$/ }).max(2000);

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const databaseLevels = ["shared", "schema", "database", "dedicated", "sqlite"] as const;
export const cacheLevels = ["prefix", "user", "database", "own"] as const;
export type CacheLevel = (typeof cacheLevels)[number];
export const presets = ["soft", "medium", "hard"] as const;

export const isolationRequest = z.strictObject({
  database: z.enum(databaseLevels).optional(),
  storage: z.enum(storageLevels).optional(),
  cache: z.enum(cacheLevels).optional(),
  compute: z.enum(["shared", "process", "container"]).optional(),
});
export type IsolationRequest = z.infer<typeof isolationRequest>;

/** What each preset stands for (architecture §1). */
export const presetIsolation = {
  soft: { database: "shared", storage: "prefix", cache: "prefix", compute: "shared" },
  medium: { database: "database", storage: "bucket", cache: "user", compute: "process" },
  hard: { database: "dedicated", storage: "own", cache: "own", compute: "container" },
} as const satisfies Record<(typeof presets)[number], Required<IsolationRequest>>;

export const createTenantRequest = z.strictObject({
  slug: slug.optional().describe("The subdomain; derived from clientId when left out."),
  clientId: plainText(100).optional().describe("The id another system knows this tenant by; unique."),
  name: plainText(200).meta({ examples: ["Acme Ltd"] }),
  app: label.optional().describe("The application it runs; the setting defaultApp when left out."),
  plan: label.optional(),
  region: label.optional(),
  groups: z.array(label).max(50).optional(),
  parentId: tenantReference
    .optional()
    .describe("The tenant it belongs to, by its id or slug; it inherits from it."),
  visibleToParent: z
    .boolean()
    .optional()
    .describe(
      "The parent's admins see that it is there; they have no way into it by that. false when left out.",
    ),
  preset: z.enum(presets).optional(),
  isolation: isolationRequest.optional(),
  template: z
    .string()
    .max(80)
    .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:@[1-9]\d{0,8})?$/, "must be a template's name, or name@revision")
    .meta({ examples: ["agency"] })
    .nullable()
    .optional()
    .describe(
      "The template it is made from; the newest revision, or that of `name@revision`. Left out: the one that the setting defaultTemplates names for its application. null: none. What the request says goes before what the template says.",
    ),
  timezone: timezone.optional(),
  language: language.optional(),
  logoUrl: logoUrl.optional(),
  settings: z
    .record(z.string().max(100), z.unknown())
    .optional()
    .describe("Settings of the tenant, limits among them."),
  domains: z
    .array(ownHostname)
    .max(100)
    .optional()
    .describe("Hostnames of its own, claimed with it: each leads here once it is proven."),
  admin: z
    .strictObject({ email: z.email().max(254), password: z.string().min(10).max(256) })
    .optional()
    .describe("The tenant's first user; made with the role admin."),
});
export type CreateTenantRequest = z.infer<typeof createTenantRequest>;

export const cloneTenantRequest = z.strictObject({
  slug,
  name: plainText(200),
  isolation: isolationRequest.optional().describe("Where it differs from the source's."),
  parentId: z.string().max(60).nullable().optional().describe("The source's when left out; null for none."),
  include: z
    .strictObject({
      storage: z.boolean().default(true).describe("The files."),
      users: z.boolean().default(false).describe("The users with their passwords; never their sessions."),
    })
    .default({ storage: true, users: false })
    .describe("What is copied besides rows and settings."),
  admin: z
    .strictObject({ email: z.email().max(254), password: z.string().min(10).max(256) })
    .optional()
    .describe("The copy's first user, where the source's users stay behind."),
});
export type CloneTenantRequest = z.infer<typeof cloneTenantRequest>;

const goesTo = z.string().min(1).max(63).optional();

export const moveEnvironmentRequest = z
  .strictObject({
    preset: z.enum(presets).optional(),
    isolation: isolationRequest
      .optional()
      .describe(
        "The levels it is to have; goes before what the preset says. What is left out stays where it is.",
      ),
    server: goesTo.describe(
      "The database server that it is to go to, by its name or id; any that fits when left out.",
    ),
    storageServer: goesTo.describe(
      "The S3 server that its files are to go to, by its name or id, or `disk` for this machine's; any that fits when left out.",
    ),
    cacheServer: goesTo.describe(
      "The Redis that its cache is to go to, by its name or id, or `memory` for that of processes; any that fits when left out.",
    ),
  })
  .refine(
    ({ isolation, ...others }) =>
      Object.values({ ...others, ...isolation }).some((wanted) => wanted !== undefined),
    "must name a preset, a level or a server",
  );
export type MoveEnvironmentRequest = z.infer<typeof moveEnvironmentRequest>;

export const promotionListReply = z.object({
  items: z.array(
    z
      .object({
        tenant: z.string().describe("Its slug."),
        environment: z.string(),
        from: z.enum(databaseLevels),
        to: z.enum(databaseLevels),
        bytes: z.number().describe("How large it is; an estimate at the level shared."),
        whenBytesAbove: z.number(),
        isOpen: z.boolean().describe("Whether the hours in which it may be moved are now."),
      })
      .meta({ id: "Promotion" }),
  ),
});
export type PromotionListReply = z.infer<typeof promotionListReply>;

export const updateTenantRequest = z
  .strictObject({
    slug: slug.optional(),
    name: plainText(200).optional(),
    plan: label.nullable().optional(),
    region: label.nullable().optional(),
    groups: z.array(label).max(50).optional(),
    parentId: tenantReference
      .nullable()
      .optional()
      .describe("The tenant it belongs to, by its id or slug; null for none."),
    visibleToParent: z
      .boolean()
      .optional()
      .describe(
        "The parent's admins see that it is there. Another parent doesn't, unless this says so again.",
      ),
    timezone: timezone.optional(),
    language: language.optional(),
    logoUrl: logoUrl.nullable().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, "must change at least one field");
export type UpdateTenantRequest = z.infer<typeof updateTenantRequest>;

export const suspendTenantRequest = z.strictObject({
  reason: plainText(200)
    .default("operator")
    .describe(
      'Why: shown to whoever asks. "deactivated" is the tenant\'s own choice; with "over_quota" visitors are told so.',
    ),
});

export const maintenanceRequest = z.strictObject({
  message: plainText(500).optional().describe("What visitors are told. Public."),
  retryAfterSeconds: z
    .int()
    .min(1)
    .max(604_800)
    .optional()
    .describe("After how long programs are told to come again; half a minute when left out."),
});
export type MaintenanceRequest = z.infer<typeof maintenanceRequest>;

const placement = z.record(z.string(), z.unknown());

export const environmentReply = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    url: z.string(),
    maintenance: z
      .object({ message: z.string().nullable(), retryAfterSeconds: z.number().int().nullable() })
      .nullable()
      .describe("What visitors are told while it is in maintenance; null when it isn't."),
    placements: z.object({
      database: placement.nullable(),
      storage: placement.nullable(),
      cache: placement.nullable(),
      compute: placement.nullable(),
    }),
  })
  .meta({ id: "Environment" });

const inheritedValue = z
  .object({ value: z.string(), from: z.string().describe("The slug of the tenant that has it.") })
  .nullable();

export const tenantReply = z
  .object({
    id: z.string(),
    slug: z.string(),
    clientId: z.string().nullable(),
    name: z.string(),
    status: z.string(),
    statusReason: z.string().nullable(),
    app: z.string(),
    plan: z.string().nullable(),
    region: z.string().nullable(),
    groups: z.array(z.string()),
    parentId: z.string().nullable(),
    parent: z.string().nullable().describe("The parent's slug."),
    visibleToParent: z.boolean().describe("Whether the parent's admins see that it is there."),
    inherited: z
      .object({ plan: inheritedValue, logoUrl: inheritedValue })
      .describe("What it has of a tenant above it, since it has none of its own."),
    template: z
      .object({ name: z.string(), revision: z.number().int() })
      .nullable()
      .describe("What it was made from; nothing follows the template from then on."),
    timezone: z.string(),
    language: z.string(),
    logoUrl: z.string().nullable(),
    deleteAt: z.string().nullable(),
    createdAt: z.string(),
    updatedAt: z.string(),
    environments: z.array(environmentReply),
  })
  .meta({ id: "Tenant" });
export type TenantReply = z.infer<typeof tenantReply>;

export const tenantListReply = z.object({ items: z.array(tenantReply), nextCursor: z.string().nullable() });
