import type { CreateTenantRequest, DatabaseLevel } from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { failure, invalidField } from "../../kernel/index.ts";
import { preparePassword } from "../access/index.ts";
import type { Domains } from "../domains/index.ts";
import { type AppRow, findApp } from "../releases/index.ts";
import type { Settings } from "../settings/index.ts";
import { deriveSlug, lockHierarchy, requireParent, requireSlugForm } from "../tenants/index.ts";
import { type Enrolling, enrol } from "./enrol.ts";
import { applyTemplate, type Provisioning } from "./from-template.ts";
import { type AvailableLevels, resolveIsolation } from "./isolation.ts";
import type { ProvisionInput } from "./provision-workflow.ts";

export type CreateDependencies = Enrolling & {
  db: Db;
  settings: Settings;
  provisioning: Provisioning;
  levels: (db: Db) => Promise<AvailableLevels>;
  domains: Pick<Domains, "readAll" | "claimAll">;
};

/**
 * Registers a tenant with its production environment and starts its provisioning. From the moment it returns, the
 * slug is held and the host answers (503 with progress, until it is ready).
 */
export async function createTenant(
  deps: CreateDependencies,
  asked: CreateTenantRequest,
  requestedBy: string,
): Promise<{ tenantId: string; operationId: string }> {
  const { db, settings } = deps;
  const slug = chooseSlug(asked);
  const hostnames = await deps.domains.readAll(asked.domains ?? []);
  const limits = await readLimits(db, settings);
  const { request, template, work } = await applyTemplate(db, asked, limits);
  const isolation = resolveIsolation(request, limits.isolation, await deps.levels(db));
  const app = await findReadyApp(db, request.app ?? limits.app);
  const admin = request.admin && {
    email: request.admin.email,
    // Hashed before anything is written: a password never reaches the registry.
    passwordHash: await preparePassword(request.admin.password, request.admin.email, "/admin/password"),
  };
  const from = template && { id: template.id, name: template.name, revision: template.revision };
  return inTransaction(db, async (tx) => {
    if (request.parentId) await lockHierarchy(tx);
    const parentId = request.parentId ? (await requireParent(tx, request.parentId)).id : null;
    return enrol<ProvisionInput>(tx, deps, {
      ...{ request, slug, parentId, app, template, level: isolation.database, requestedBy },
      maxTenants: limits.maxTenants,
      giveSettings: async ({ tenantId }) => {
        if (!request.settings) return;
        const layer = { scope: "tenant", scopeId: tenantId } as const;
        await settings.change(tx, layer, request.settings, { changedBy: requestedBy, pointer: "/settings" });
      },
      claimDomains: (tenantId) => deps.domains.claimAll(tx, tenantId, hostnames),
      workflow: deps.provisioning.workflowFor(work),
      input: { appId: app.id, isolation, region: request.region ?? null, admin, template: from },
    });
  });
}

function chooseSlug(request: CreateTenantRequest): string {
  const slug = request.slug ?? (request.clientId && deriveSlug(request.clientId));
  if (slug === undefined) {
    const message = request.clientId
      ? "No slug can be derived from this clientId: give one."
      : "A slug is needed.";
    throw invalidField("/slug", message);
  }
  requireSlugForm(slug);
  return slug;
}

async function readLimits(db: Db, settings: Settings) {
  const values = new Map((await settings.list(db)).map((setting) => [setting.key, setting.value]));
  return {
    maxTenants: values.get("maxTenants") as number,
    app: values.get("defaultApp") as string,
    isolation: values.get("defaultIsolation") as DatabaseLevel,
    templates: values.get("defaultTemplates") as Record<string, string>,
  };
}

export async function findReadyApp(db: Db, slug: string): Promise<AppRow> {
  const app = await findApp(db, slug);
  if (app.currentReleaseId) return app;
  throw failure("illegal_transition", {
    detail: `The application ${app.slug} has no release that is ready.`,
    remedy: "Wait for its release, or look at it with `tenantry app list`.",
  });
}
