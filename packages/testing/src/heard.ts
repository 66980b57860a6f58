import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { TestKitChange } from "@tenantry/contract";
import { isTenantryError, type TenantContext } from "@tenantry/sdk";
import { TestKitError } from "./errors.ts";

const deadlineMs = 10_000;
const codes = { suspended: "environment_suspended", maintenance: "environment_unavailable" } as const;

/** Waits until the kit's own installation tells the application what was changed. */
export async function heardOf(context: TenantContext, change: TestKitChange): Promise<void> {
  const until = performance.now() + deadlineMs;
  while (!isTold(context, change)) {
    if (performance.now() > until) {
      throw new TestKitError("host_gone", "The application hasn't heard of the change for ten seconds.");
    }
    await pause(1);
  }
}

function isTold(
  context: TenantContext,
  { name, timezone, language, settings, state }: TestKitChange,
): boolean {
  const told = [
    name === undefined || context.tenant.name === name,
    timezone === undefined || context.timezone === timezone,
    language === undefined || context.language === language,
    state === undefined || isIn(context, state),
  ];
  // Where it may not be used, nobody is told its settings.
  const isClosed = !isIn(context, "active");
  return (
    told.every(Boolean) &&
    (settings === undefined || isClosed || isDeepStrictEqual(context.settings.all(), settings))
  );
}

function isIn(context: TenantContext, state: NonNullable<TestKitChange["state"]>): boolean {
  try {
    context.settings.all();
    return state === "active";
  } catch (error) {
    if (!isTenantryError(error)) throw error;
    return state !== "active" && error.code === codes[state];
  }
}
