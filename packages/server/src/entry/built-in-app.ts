import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { CreateReleaseRequest } from "@tenantry/contract";
import type { Operations } from "../features/operations/index.ts";
import {
  createApp,
  createRelease,
  currentRelease,
  findApp,
  isCurrentRelease,
  type ReleaseDependencies,
} from "../features/releases/index.ts";
import type { Log } from "../infra/log/index.ts";
import { hasCode, showId } from "../kernel/index.ts";

const workspace = path.resolve(import.meta.dirname, "../../../..");
const folder = path.join(workspace, "apps/sites");
const slug = "sites";

const releaseTimeoutMs = 60_000;

type Dependencies = ReleaseDependencies & { operations: Operations; log: Log };

/**
 * Releases the application Sites, which a tenant runs by default, in the version that came with this one, unless that
 * has been done, and waits until it is ready: a start that says "running" should mean it. A release that takes very
 * long goes on by itself. Throws when it fails and there is no other to go on with.
 */
export async function releaseSites(deps: Dependencies, signal: AbortSignal): Promise<void> {
  for (;;) {
    const release = await beginRelease(deps);
    if (!release) return;
    const { operationId, isOurs } = release;
    const { status, error } = await deps.operations.waitForEnd(operationId, releaseTimeoutMs, signal);
    if (isOurs && status === "failed") return reportFailure(deps, error?.detail);
    if (isOurs || !["succeeded", "failed", "cancelled"].includes(status)) return;
  }
}

/** Tenants that have Sites keep what they have, and so do those of other applications: only a first start fails. */
async function reportFailure({ db, log }: Dependencies, detail: string | undefined): Promise<void> {
  const reason = `The application Sites could not be released: ${detail}`;
  if (!(await currentRelease(db, await findApp(db, slug)))) throw new Error(reason);
  log.error({ reason }, "sites.release-failed");
}

type Release = { operationId: string; isOurs: boolean };

async function beginRelease(deps: Dependencies): Promise<Release | undefined> {
  const release = await describeSites();
  const ours = (operationId: string) => ({ operationId: showId("op", operationId), isOurs: true });
  try {
    const app = await findApp(deps.db, slug);
    const current = await currentRelease(deps.db, app);
    // Who releases something else under this name keeps it.
    if (current && current.command !== release.command) return undefined;
    if (await isCurrentRelease(deps, app, release)) return undefined;
    return ours(await createRelease(deps, slug, release, "tenantry"));
  } catch (error) {
    if (hasCode(error, "app_not_found")) {
      const operationId = await createSites(deps, release);
      return operationId === undefined ? beginRelease(deps) : ours(operationId);
    }
    // A start that was interrupted left its release under way: it goes on first.
    if (hasCode(error, "operation_in_progress"))
      return { operationId: error.details.extra!.operationId as string, isOurs: false };
    if (hasCode(error, "migration_changed")) {
      // A newer version of ours, or an operator, has added to them: a start must not fail over it.
      deps.log.warn({ detail: error.message }, "sites.kept");
      return undefined;
    }
    throw error;
  }
}

/** The operation that makes its first release ready; undefined when another node made it at the same moment. */
async function createSites(deps: Dependencies, release: CreateReleaseRequest): Promise<string | undefined> {
  try {
    return (await createApp(deps, { slug, ...release }, "tenantry")).operationId;
  } catch (error) {
    if (hasCode(error, "name_taken")) return undefined;
    throw error;
  }
}

async function describeSites(): Promise<CreateReleaseRequest> {
  const directory = path.join(folder, "migrations");
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
  const migrations = await Promise.all(
    names.map(async (name) => ({ name, sql: await readFile(path.join(directory, name), "utf8") })),
  );
  return {
    migrations,
    command: "node apps/sites/src/main.ts",
    workingDirectory: workspace,
    variables: {},
    healthPath: "/health",
  };
}
