import { z } from "zod";
import { operationStatuses } from "./operations.ts";

const slug = z.string().describe("The tenant's slug.");
const reason = z.string().describe("Why, in the words of whoever did it, or the code of what failed.");
const level = z.string().describe("A database level.");
const change = z.strictObject({ from: z.string(), to: z.string() });
/** Of what goes elsewhere, the levels; the same one twice where only the server is another. */
const moved = {
  from: level.optional().describe("The level of its database before, where that goes elsewhere."),
  to: level.optional().describe("The level of its database from now on."),
  storage: change.optional().describe("The levels of its files."),
  cache: change.optional().describe("The levels of its cache."),
};
const environment = z.string().describe("The environment's name, such as production.");
// Of a person nothing but the id: who may know more asks the API.
const operationId = z.string().describe("op_…");
const kind = z.string().describe("What was being done, such as tenant.provision.");
const heldRelease = z.number().int().describe("The release that it was held back at, by its number.");
const userId = z.string().describe("usr_…");
const database = z.string().describe("The database's name on its server.");
const hostname = z.string().describe("The domain, in punycode.");
const serverId = z.string().describe("srv_…");

type CatalogueEntry = {
  readonly description: string;
  /** Of the event's data: public to whoever may read events, so no secrets. */
  readonly data: z.ZodObject;
};

const entries = {
  "tenant.requested": {
    description: "A tenant was asked for. Its provisioning begins.",
    data: z.strictObject({ slug, name: z.string().describe("The tenant's name.") }),
  },
  "tenant.provisioning": {
    description: "A tenant that failed is being provisioned again.",
    data: z.strictObject({ slug }),
  },
  "tenant.activated": {
    description: "A tenant was provisioned: its hosts answer.",
    data: z.strictObject({ slug }),
  },
  "tenant.failed": {
    description: "Provisioning came to nothing. The tenant can be retried or deleted.",
    data: z.strictObject({ slug, reason }),
  },
  "tenant.updated": {
    description: "What a tenant is called, or how it is sorted, was changed.",
    data: z.strictObject({
      slug,
      changed: z.array(z.string()).describe("The names of the fields that the change gave."),
    }),
  },
  "tenant.settings-changed": {
    description: "Settings of one tenant were changed.",
    data: z.strictObject({ keys: z.array(z.string()).describe("The settings that the change gave.") }),
  },
  "tenant.suspended": {
    description: "A tenant was taken off the air, or the reason for it was changed.",
    data: z.strictObject({ slug, reason }),
  },
  "tenant.resumed": {
    description: "A suspended tenant is on the air again.",
    data: z.strictObject({ slug }),
  },
  "tenant.deleting": {
    description: "A tenant's deletion was asked for. It can be undone until `deleteAt`.",
    data: z.strictObject({ slug, deleteAt: z.iso.datetime().describe("When its data will go.") }),
  },
  "tenant.undeleted": {
    description: "A tenant's deletion was taken back.",
    data: z.strictObject({ slug }),
  },
  "tenant.purging": {
    description: "A tenant's data are being removed. This can't be undone.",
    data: z.strictObject({ slug }),
  },
  "tenant.deleted": {
    description: "Nothing of a tenant is left, and its slug is free.",
    data: z.strictObject({ slug }),
  },
  "environment.maintenance-started": {
    description: "An environment was closed for maintenance, or what its visitors are told was changed.",
    data: z.strictObject({
      slug,
      environment,
      message: z.string().nullable().describe("What visitors are told, where somebody said something."),
    }),
  },
  "environment.maintenance-ended": {
    description: "An environment is open again after its maintenance.",
    data: z.strictObject({ slug, environment }),
  },
  "environment.move-started": {
    description: "What an environment has is being carried elsewhere. Its hosts are closed meanwhile.",
    data: z.strictObject({ slug, environment, ...moved }),
  },
  "environment.moved": {
    description:
      "An environment is open again, and has its database, its files or its cache at another place.",
    data: z.strictObject({
      slug,
      environment,
      ...moved,
      rows: z.number().int().optional().describe("How many went along, where the database is another."),
      files: z.number().int().optional().describe("How many went along, where their place is another."),
      cacheKeys: z
        .number()
        .int()
        .optional()
        .describe(
          "How many went along, where the cache is another; none from or to the memory of processes.",
        ),
    }),
  },
  "environment.move-undone": {
    description: "A move came to nothing: the environment is where it was.",
    data: z.strictObject({ slug, environment, ...moved, reason }),
  },
  "tenant.promoted": {
    description: "A tenant has outgrown its database level, and a rule has moved it to another one.",
    data: z.strictObject({
      slug,
      environment,
      from: level,
      to: level,
      bytes: z.number().int().describe("How large it was."),
      whenBytesAbove: z.number().int().describe("How large the rule lets one be."),
    }),
  },
  "environment.migration-failed": {
    description: "An environment's database couldn't be migrated. It stays at its schema version.",
    data: z.strictObject({
      slug,
      environment,
      schemaVersion: z.number().int().describe("The version that it couldn't be brought to."),
      reason,
    }),
  },
  "environment.held-back": {
    description:
      "The application took a new release, and this environment, whose database couldn't follow, kept the old one.",
    data: z.strictObject({ slug, environment, release: heldRelease }),
  },
  "environment.caught-up": {
    description: "An environment that was held back has the application's current release again.",
    data: z.strictObject({ slug, environment, release: heldRelease }),
  },
  "environment.credentials-issued": {
    description: "An environment got a database login for programs of any kind, its first or another one.",
    data: z.strictObject({
      slug,
      environment,
      user: z.string().describe("The login's name; never its password."),
      previousUntil: z.iso.datetime().nullable().describe("When the login before it ends, if there was one."),
    }),
  },
  "environment.credentials-revoked": {
    description: "The database logins of an environment were ended.",
    data: z.strictObject({ slug, environment }),
  },
  "domain.added": {
    description: "A tenant claims a domain of its own. Nothing leads there before it is verified.",
    data: z.strictObject({ slug, environment, hostname }),
  },
  "domain.verified": {
    description: "It was proven that a domain is the tenant's: it leads there, where customDomains is on.",
    data: z.strictObject({
      slug,
      environment,
      hostname,
      by: z.enum(["txt", "cname", "operator"]).describe("A record in DNS, or an operator's word."),
    }),
  },
  "domain.record-missing": {
    description: "The record that proved a domain isn't found any more. It still leads to its tenant.",
    data: z.strictObject({
      slug,
      environment,
      hostname,
      lapsesAt: z.iso.datetime().describe("When it stops counting as proven, unless the record comes back."),
    }),
  },
  "domain.record-found": {
    description: "The record that proves a domain was missing, and is back.",
    data: z.strictObject({ slug, environment, hostname }),
  },
  "domain.lapsed": {
    description: "A domain's record was missing for too long: it isn't proven any more, and leads nowhere.",
    data: z.strictObject({ slug, environment, hostname }),
  },
  "domain.removed": {
    description:
      "A domain was taken from its tenant. Domains that go with their tenant aren't told one by one.",
    data: z.strictObject({ slug, environment, hostname }),
  },
  "user.created": {
    description: "A tenant has a new user.",
    data: z.strictObject({ userId }),
  },
  "user.updated": {
    description:
      "A user's address, name, role or password was changed, or their address isn't verified any more. A new password ended their sessions; so did the other, while requireEmailVerification is on.",
    data: z.strictObject({
      userId,
      changed: z.array(z.string()).describe("The names of the fields that are different now."),
    }),
  },
  "user.deactivated": {
    description: "A user may not log in any more. Their sessions ended.",
    data: z.strictObject({ userId }),
  },
  "user.activated": {
    description: "A user who was deactivated may log in again.",
    data: z.strictObject({ userId }),
  },
  "user.verification-issued": {
    description:
      "A link was made by which a user proves their address. The ones before are no good any more.",
    data: z.strictObject({ userId }),
  },
  "user.email-verified": {
    description: "A user's address was proven, or somebody who looks after users vouched for it.",
    data: z.strictObject({ userId }),
  },
  "user.sessions-ended": {
    description: "Somebody ended a user's sessions. They may log in again.",
    data: z.strictObject({ userId }),
  },
  "user.deleted": {
    description:
      "A user was deleted, with their sessions. Users that go with their tenant aren't told one by one.",
    data: z.strictObject({ userId }),
  },
  "session.used-elsewhere": {
    description:
      "A session was tried in an environment of another tenant than its user's, and refused. Told once a minute for each user and environment.",
    data: z.strictObject({
      userId,
      environmentId: z.string().describe("env_…: where it was tried. The event is of the user's tenant."),
    }),
  },
  "file.used-elsewhere": {
    description:
      "An address that was signed for a tenant's file was tried on a host of another tenant, and refused. Told once a minute for each two environments.",
    data: z.strictObject({
      environmentId: z.string().describe("env_…: where it was tried. The event is of the file's tenant."),
    }),
  },
  "verification.used-elsewhere": {
    description:
      "What proves a user's address was tried in an environment of another tenant than theirs, and refused. Told once a minute for each user and environment.",
    data: z.strictObject({
      userId,
      environmentId: z.string().describe("env_…: where it was tried. The event is of the user's tenant."),
    }),
  },
  "operation.failed": {
    description: "An operation failed, and what it had done was undone. The platform's own work isn't told.",
    data: z.strictObject({ operationId, kind, reason }),
  },
  "operation.needs_operator": {
    description: "An operation can go on neither forward nor back before somebody has looked at it.",
    data: z.strictObject({ operationId, kind, reason }),
  },
  "operation.stuck": {
    description:
      "Nothing has happened in an operation for longer than the setting operationStuckAfterMinutes.",
    data: z.strictObject({
      operationId,
      kind,
      status: z.enum(operationStatuses),
      since: z.iso.datetime().describe("When something happened last."),
    }),
  },
  "schema.drifted": {
    description:
      "A database's schema isn't what its application's migrations make. Told when it was found, and when it changed since.",
    data: z.strictObject({
      appId: z.string().describe("app_…"),
      tenants: z.array(z.string()).describe("The slugs of those who live in it; the first twenty."),
      level: z.string(),
      schemaVersion: z.number().int(),
      differences: z.number().int(),
      objects: z
        .array(z.string())
        .describe("What differs, such as: column notes.stars: missing; the first twenty."),
    }),
  },
  "isolation.breached": {
    description: "A verification got from one tenant to another, or found that somebody could.",
    data: z.strictObject({
      reportId: z.string().describe("rpt_…"),
      breaches: z.number().int().describe("How many attempts got through."),
      probes: z.array(z.string()).describe("Which, each once."),
    }),
  },
  "isolation.incomplete": {
    description: "A verification got through nowhere, and couldn't try all that it should have tried.",
    data: z.strictObject({
      reportId: z.string().describe("rpt_…"),
      failed: z.number().int().describe("How many attempts couldn't be made."),
      probes: z.array(z.string()).describe("Which, each once."),
    }),
  },
  "database.unsealed": {
    description:
      "A database that tenants share doesn't keep them apart any more. It serves nobody until it is found mended.",
    data: z.strictObject({
      database,
      serverId,
      problems: z.array(z.string()).describe("What lets rows out, in sentences."),
    }),
  },
  "database.sealed": {
    description: "A database that tenants share was found mended, and serves them again.",
    data: z.strictObject({ database, serverId }),
  },
  "database.secret-rotated": {
    description:
      "A database that tenants share has another secret. The one before is as good for ten minutes.",
    data: z.strictObject({ database, serverId }),
  },
  "storage.repaired": {
    description:
      "What somebody had changed on an S3 server of the user that a tenant's files are reached by was put back.",
    data: z.strictObject({
      serverId: z.string().describe("sts_…"),
      problems: z.array(z.string()).describe("What was found changed, in sentences."),
    }),
  },
  "app.released": {
    description: "An application's release took over.",
    data: z.strictObject({
      appId: z.string().describe("app_…"),
      releaseId: z.string().describe("rel_…"),
      schemaVersion: z.number().int().describe("How many migrations the release's schema has."),
    }),
  },
} as const satisfies Record<string, CatalogueEntry>;

/** What can happen, by the name under which it is recorded. */
export type EventName = keyof typeof entries;
export type EventData<Name extends EventName> = z.infer<(typeof entries)[Name]["data"]>;
export const eventCatalogue: Readonly<Record<EventName, CatalogueEntry>> = entries;

/** What distinguishes our types from others' in a bus that many write to. */
export const eventTypePrefix = "tenantry.";
export type EventType = `${typeof eventTypePrefix}${EventName}`;
/** Every type, as events show it. */
export const eventTypes = Object.keys(entries).map((name) => `${eventTypePrefix}${name}`) as [
  EventType,
  ...EventType[],
];

/** An event in the JSON format of CloudEvents 1.0. */
export const cloudEvent = z
  .object({
    specversion: z.literal("1.0"),
    id: z.string().describe("evt_…: the same when the event is delivered again."),
    source: z.string().describe("The installation: urn:uuid:…."),
    type: z.string().describe("What happened, such as tenantry.tenant.suspended."),
    subject: z.string().optional().describe("What it happened to: the id of the tenant (or application)."),
    time: z.iso.datetime().describe("When it happened."),
    datacontenttype: z.literal("application/json"),
    data: z.record(z.string(), z.unknown()).describe("What its type says."),
    sequence: z.string().describe("Sorts as text in the order in which things happened."),
    tenantid: z.string().optional().describe("The tenant's id, tnt_…."),
    environmentid: z.string().optional().describe("The environment's id, env_…."),
  })
  .meta({ id: "CloudEvent" });
export type CloudEvent = z.infer<typeof cloudEvent>;

export const eventListReply = z.object({
  items: z.array(cloudEvent),
  nextCursor: z.string().nullable().describe("Ask for the next page with it; null when nothing follows yet."),
  cursor: z.string().describe("Where this page ends: ask with it later for what happened since."),
});
export type EventListReply = z.infer<typeof eventListReply>;
