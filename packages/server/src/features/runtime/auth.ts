import type { RuntimeLogin } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import { failure, parseId, showId } from "../../kernel/index.ts";
import type { Credentials, LogIn, Place, Users } from "../access/index.ts";
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
  return { ...place, appId, environmentId: id };
}

/** Throws `environment_unavailable` unless people may log in there now. */
export function requireOpen({ tenantStatus, environmentStatus }: PlaceRow): void {
  if (tenantStatus === "active" && environmentStatus === "ready") return;
  const state = tenantStatus === "active" ? environmentStatus : tenantStatus;
  throw failure("environment_unavailable", { detail: `Nobody can log in now: it is ${state}.` });
}

/**
 * Gives the session's user another password, once the current one has been proven as at a log-in. All sessions of the
 * user end; a new one is in the answer.
 */
export async function changePassword(
  { logIn, users }: { logIn: LogIn; users: Users },
  place: Place,
  change: Omit<Credentials, "email"> & { token: string; currentPassword: string },
): Promise<RuntimeLogin> {
  const { token, currentPassword, password, ...visitor } = change;
  const { user } = await logIn.session(place, token);
  await logIn.prove(place, { ...visitor, email: user.email, password: currentPassword });
  await users.update(showId("tnt", place.tenantId), user.id, { password }, { by: `user:${user.id}` });
  return logIn.logIn(place, { ...visitor, email: user.email, password });
}
