import type { CreateAppRequest, CreateReleaseRequest } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import { createApiKey } from "../access/index.ts";
import { type AppRow, insertApp, lockApp } from "./apps.sql.ts";
import { findApp, recordRelease } from "./apps.ts";
import { refuseOtherWork } from "./other-work.ts";
import type { ReleaseInput } from "./release-workflow.ts";

export type ReleaseDependencies = {
  db: Db;
  secrets: Secrets;
  releaseWorkflow: Workflow<ReleaseInput>;
  /** As whom the processes of this installation's first app run. */
  firstUid(): number;
};

/** Makes an app with its first release under way. The key is in the answer and nowhere else. */
export async function createApp(
  deps: ReleaseDependencies,
  { slug, ...release }: CreateAppRequest,
  requestedBy: string,
): Promise<{ appId: string; appKey: string; operationId: string }> {
  return inTransaction(deps.db, async (tx) => {
    const appId = newId();
    if (!(await insertApp(tx, { id: appId, slug, firstUid: deps.firstUid() }))) {
      const message = `There is an application "${slug}" already.`;
      throw failure("name_taken", { detail: message, errors: [{ pointer: "/slug", message }] });
    }
    const { key } = await createApiKey(tx, { kind: "app", appId, name: slug });
    const app = await lockApp(tx, appId);
    const operationId = await startRelease(tx, deps, app!, release, requestedBy);
    return { appId, appKey: key, operationId };
  });
}

/** Starts a release of an app; another one that is under way is `operation_in_progress`. */
export async function createRelease(
  deps: ReleaseDependencies,
  idOrSlug: string,
  release: CreateReleaseRequest,
  requestedBy: string,
): Promise<string> {
  return inTransaction(deps.db, async (tx) => {
    const found = await findApp(tx, idOrSlug);
    const app = await lockApp(tx, found.id);
    return startRelease(tx, deps, app!, release, requestedBy);
  });
}

async function startRelease(
  tx: Tx,
  deps: ReleaseDependencies,
  app: AppRow,
  release: CreateReleaseRequest,
  requestedBy: string,
): Promise<string> {
  await refuseOtherWork(tx, app);
  const { id: releaseId, schemaVersion } = await recordRelease(tx, deps.secrets, app, release);
  const input: ReleaseInput = { appId: app.id, releaseId, schemaVersion, maxFailures: release.maxFailures };
  return startOperation(tx, { workflow: deps.releaseWorkflow, input, exclusive: false, requestedBy });
}
