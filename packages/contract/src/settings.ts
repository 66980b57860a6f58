import { z } from "zod";
import { databaseLevels, label } from "./tenants.ts";

/** A size in bytes: a number, or text such as "1GB" (10⁹ bytes) or "1GiB" (2³⁰). */
const size = z.union([
  z.number().int().nonnegative(),
  z.string().regex(/^\d+(?:\.\d+)? ?(?:B|[KMGT]i?B)$/, 'must be a size such as "500MB" or "1GiB"'),
]);

const promotionRule = z
  .strictObject({ from: z.enum(databaseLevels), to: z.enum(databaseLevels), whenBytesAbove: size })
  .refine(({ from, to }) => from !== to, "must lead to another level");
/** Moves environments from one database level to another as soon as they are larger than that. */
export type PromotionRule = z.infer<typeof promotionRule>;

const promotionHours = z.strictObject({
  from: z.number().int().min(0).max(23),
  to: z.number().int().min(0).max(24),
});
/** From the first hour to before the last, by the tenant's time zone; past midnight where the first is the later one. */
export type PromotionHours = z.infer<typeof promotionHours>;

export type SettingDefinition = {
  schema: z.ZodType;
  default: unknown;
  description: string;
  /** The layers in which it may be set; platform is always one. */
  scopes: readonly ("platform" | "tenant")[];
  /** The environment variable that fixes it for the whole installation. */
  variable?: string;
};

/** The settings Tenantry itself reads [REG-7]. Applications add their own keys under `app.` */
export const settingDefinitions = {
  maxTenants: {
    schema: z.number().int().min(0).max(10_000_000),
    default: 100,
    description: "How many tenants this installation may hold.",
    scopes: ["platform"],
    variable: "MAX_TENANTS",
  },
  defaultApp: {
    schema: z.string().min(1).max(63),
    default: "sites",
    description: "The application a tenant runs when its creation names none.",
    scopes: ["platform"],
    variable: "DEFAULT_APP",
  },
  defaultTemplates: {
    schema: z.record(label, label),
    default: {},
    description: 'The template of tenants whose creation names none, by application: {"sites":"agency"}.',
    scopes: ["platform"],
  },
  defaultIsolation: {
    schema: z.enum(databaseLevels),
    default: "database",
    description: "The database level of a tenant whose creation names none.",
    scopes: ["platform"],
    variable: "DEFAULT_ISOLATION",
  },
  promotions: {
    schema: z.array(promotionRule).max(10),
    default: [],
    description:
      'Rules that move tenants to another database level when they outgrow theirs: [{"from":"shared","to":"database","whenBytesAbove":"1GB"}]. A tenant\'s own [] keeps it where it is.',
    scopes: ["platform", "tenant"],
  },
  promotionHours: {
    schema: promotionHours,
    default: { from: 1, to: 5 },
    description:
      'The hours in which a rule may move a tenant, by its time zone, since its visitors have to wait for that. {"from":0,"to":24} for any.',
    scopes: ["platform", "tenant"],
  },
  sqliteEncryption: {
    schema: z.boolean(),
    default: false,
    description: "Whether the file of a new environment at the level sqlite is encrypted.",
    scopes: ["platform"],
    variable: "SQLITE_ENCRYPTION",
  },
  sqliteQuota: {
    schema: size,
    default: "1GB",
    description: "How large the file of an environment at the level sqlite may grow.",
    scopes: ["platform", "tenant"],
    variable: "SQLITE_QUOTA",
  },
  deletionGraceDays: {
    schema: z.number().min(0).max(365),
    default: 7,
    description: "Days in which the deletion of a tenant can be undone.",
    scopes: ["platform", "tenant"],
    variable: "DELETION_GRACE_DAYS",
  },
  eventRetentionDays: {
    schema: z.number().int().min(1).max(3_650),
    default: 30,
    description: "Days for which events can be read. Whoever reads them less often begins again.",
    scopes: ["platform"],
    variable: "EVENT_RETENTION_DAYS",
  },
  operationRetentionDays: {
    schema: z.number().int().min(1).max(3_650),
    default: 90,
    description: "Days for which an operation that ended can be seen.",
    scopes: ["platform"],
    variable: "OPERATION_RETENTION_DAYS",
  },
  operationStuckAfterMinutes: {
    schema: z.number().min(1).max(100_000),
    default: 60,
    description: "Minutes in which nothing happens in an operation before that is told as operation.stuck.",
    scopes: ["platform"],
    variable: "OPERATION_STUCK_AFTER_MINUTES",
  },
  isolationVerifyEveryHours: {
    schema: z.number().min(0).max(8_760),
    default: 24,
    description:
      "Hours between two verifications that no tenant reaches another; 0 for none, and no canaries.",
    scopes: ["platform"],
    variable: "ISOLATION_VERIFY_EVERY_HOURS",
  },
  isolationSampleSize: {
    schema: z.number().int().min(0).max(10_000),
    default: 20,
    description: "How many tenants a verification looks at beside its canaries.",
    scopes: ["platform"],
    variable: "ISOLATION_SAMPLE_SIZE",
  },
  storageQuota: {
    schema: size,
    default: "1GB",
    description: "How much a tenant may store.",
    scopes: ["platform", "tenant"],
    variable: "DEFAULT_QUOTA",
  },
  maxPages: {
    schema: z.number().int().min(0).max(1_000_000),
    default: 100,
    description: "How many pages a tenant's site may have.",
    scopes: ["platform", "tenant"],
    variable: "MAX_PAGES",
  },
  maxUsers: {
    schema: z.number().int().min(0).max(1_000_000),
    default: 5,
    description: "How many users a tenant may have.",
    scopes: ["platform", "tenant"],
    variable: "MAX_USERS",
  },
  customDomains: {
    schema: z.boolean(),
    default: true,
    description:
      "Whether tenants may have domains of their own. Off, none can be added, and those that stand lead nowhere.",
    scopes: ["platform", "tenant"],
    variable: "ENABLE_CUSTOM_DOMAINS",
  },
  requireEmailVerification: {
    schema: z.boolean(),
    default: true,
    description: "Whether users whose e-mail address is neither proven nor vouched for can't log in.",
    scopes: ["platform"],
    variable: "REQUIRE_EMAIL_VERIFICATION",
  },
  automaticTls: {
    schema: z.boolean(),
    default: true,
    description:
      "Whether tenants' hosts get certificates by themselves, from the installation's own authority. Off, none is served over HTTPS.",
    scopes: ["platform"],
    variable: "AUTO_SSL",
  },
} as const satisfies Record<string, SettingDefinition>;

export type SettingKey = keyof typeof settingDefinitions;

/** New values by key; null takes the layer's value away. */
export const changeSettingsRequest = z
  .record(z.string().max(100), z.unknown())
  .refine((body) => Object.keys(body).length > 0, "must change at least one setting");

export const settingReply = z
  .object({
    key: z.string(),
    value: z.unknown(),
    /** The layer the value comes from: `environment variable` and `file` can't be changed by the API. */
    source: z.enum([
      "default",
      "file",
      "environment variable",
      "platform",
      "plan",
      "parent",
      "tenant",
      "environment",
    ]),
    from: z
      .string()
      .optional()
      .describe("With the source `parent`: the slug of the tenant above that has it."),
    description: z.string().nullable(),
  })
  .meta({ id: "Setting" });
export type SettingReply = z.infer<typeof settingReply>;

export const settingListReply = z.object({ items: z.array(settingReply) });
