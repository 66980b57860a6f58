import { randomBytes } from "node:crypto";
import type { RuntimeEnvironment, RuntimeStorage, TestKitChange, TestKitTenant } from "@tenantry/contract";
import { encodeUuid, newId, showId } from "../../kernel/index.ts";
import type { Place } from "./level.ts";

/** A tenant of a test as its application sees it; what isn't wanted otherwise is made up. */
export function newEnvironment(
  wanted: TestKitTenant,
  place: Place,
  storage: RuntimeStorage,
): RuntimeEnvironment {
  const slug = wanted.slug ?? `test-${randomBytes(5).toString("hex")}`;
  return {
    id: showId("env", place.environmentId),
    name: "production",
    status: "ready",
    tenantId: showId("tnt", newId()),
    tenantSlug: slug,
    tenantName: wanted.name ?? `The ${slug} company`,
    tenantStatus: "active",
    timezone: wanted.timezone ?? "UTC",
    language: wanted.language ?? "en",
    hostnames: [`${slug}.localhost`],
    settings: wanted.settings ?? {},
    database: place.database,
    storage,
    cache: { driver: "memory", prefix: encodeUuid(place.environmentId), generation: 1 },
  };
}

const states = {
  active: { tenantStatus: "active", status: "ready" },
  suspended: { tenantStatus: "suspended", status: "ready" },
  maintenance: { tenantStatus: "active", status: "maintenance" },
} as const;

/** The environment with what an operator would have changed. */
export function changedEnvironment(
  environment: RuntimeEnvironment,
  { name, state, timezone, language, settings }: TestKitChange,
): RuntimeEnvironment {
  return {
    ...environment,
    ...(name !== undefined && { tenantName: name }),
    ...(timezone !== undefined && { timezone }),
    ...(language !== undefined && { language }),
    ...(settings !== undefined && { settings }),
    ...(state !== undefined && states[state]),
  };
}
