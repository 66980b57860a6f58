import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { CreateReleaseRequest } from "@tenantry/contract";
import {
  createApp,
  createRelease,
  findApp,
  isCurrentRelease,
  type ReleaseDependencies,
} from "../features/releases/index.ts";
import { hasCode } from "../kernel/index.ts";

const workspace = path.resolve(import.meta.dirname, "../../../..");
const folder = path.join(workspace, "apps/sites");
const slug = "sites";

/**
 * Sees to it that the application Sites, which a tenant runs by default, is there in the version that came with this
 * one. Answers the operation that makes it ready, if one had to be started.
 */
export async function ensureSites(deps: ReleaseDependencies): Promise<string | undefined> {
  const release = await describeSites();
  try {
    const app = await findApp(deps.db, slug);
    if (await isCurrentRelease(deps.db, app, release)) return undefined;
    return await createRelease(deps, slug, release, "tenantry");
  } catch (error) {
    if (hasCode(error, "app_not_found"))
      return (await createApp(deps, { slug, ...release }, "tenantry")).operationId;
    // A start that was killed left its release under way: it goes on by itself.
    if (hasCode(error, "operation_in_progress")) return undefined;
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
