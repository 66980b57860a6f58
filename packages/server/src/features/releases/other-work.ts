import type { Tx } from "../../infra/db/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import { type AppRow, type OtherWork, selectOpenWork } from "./apps.sql.ts";

/** Throws `operation_in_progress` while a release or a migration of the app is under way. Lock the app before. */
export async function refuseOtherWork(tx: Tx, app: AppRow, except?: OtherWork): Promise<void> {
  const other = await selectOpenWork(tx, app.id, except);
  if (!other) return;
  const what = other.kind === "app.release" ? "Another release" : "A migration of the tenants";
  throw failure("operation_in_progress", {
    detail: `${what} of ${app.slug} is under way.`,
    extra: { operationId: showId("op", other.id) },
  });
}
