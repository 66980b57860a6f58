import type { Db } from "../../infra/db/index.ts";
import { failure, parseId } from "../../kernel/index.ts";
import type { Place } from "../access/index.ts";
import { type PlaceRow, selectPlace } from "./runtime.sql.ts";

/**
 * Whose environment an application means. One of another application, or none at all, is the same to it:
 * `environment_not_found`.
 */
export async function findPlace(db: Db, appId: string, environmentId: string): Promise<Place & PlaceRow> {
  const id = parseId("env", environmentId);
  const place = id && (await selectPlace(db, appId, id));
  if (!place) {
    const message = "This application has no such environment.";
    throw failure("environment_not_found", {
      detail: message,
      errors: [{ pointer: "/environmentId", message }],
    });
  }
  return { ...place, environmentId: id };
}

/** Throws `environment_unavailable` unless people may log in there now. */
export function requireOpen({ tenantStatus, environmentStatus }: PlaceRow): void {
  if (tenantStatus === "active" && environmentStatus === "ready") return;
  const state = tenantStatus === "active" ? environmentStatus : tenantStatus;
  throw failure("environment_unavailable", { detail: `Nobody can log in now: it is ${state}.` });
}
