import type { CreateTenantRequest, DatabaseLevel } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { startOperation } from "../../infra/workflow/index.ts";
import { failure, invalidField, newId } from "../../kernel/index.ts";
import { preparePassword } from "../access/index.ts";
import { insertEnvironment } from "../environments/index.ts";
import { giveServersTo, type Placements } from "../placements/index.ts";
import { type AppRow, findApp } from "../releases/index.ts";
import { addSystemRoute } from "../routing/index.ts";
import type { Settings } from "../settings/index.ts";
import { holdTemplate, type TemplateRow } from "../templates/index.ts";
import {
  countTenantIn,
  deriveSlug,
  insertTenant,
  lockHierarchy,
  requireParent,
  requireSlugForm,
  slugIsTaken,
  slugTaken,
} from "../tenants/index.ts";
import { applyTemplate, type Provisioning } from "./from-template.ts";
import { type AvailableLevels, resolveIsolation } from "./isolation.ts";
import type { ProvisionInput } from "./provision-workflow.ts";

export type CreateDependencies = {
  db: Db;
  settings: Settings;
  rootDomain: string;
  provisioning: Provisioning;
  levels: (db: Db) => Promise<AvailableLevels>;
  placements: Pick<Placements, "requireEligible">;
};

/**
 * Registers a tenant with its production environment and starts its provisioning. From the moment it returns, the
 * slug is held and the host answers (503 with progress, until it is ready).
 */
export async function createTenant(
  { db, settings, rootDomain, provisioning, levels, placements }: CreateDependencies,
  asked: CreateTenantRequest,
  requestedBy: string,
): Promise<{ tenantId: string; operationId: string }> {
  const slug = chooseSlug(asked);
  const limits = await readLimits(db, settings);
  const { request, template, work } = await applyTemplate(db, asked, limits);
  const isolation = resolveIsolation(request, limits.isolation, await levels(db));
  const app = await findReadyApp(db, request.app ?? limits.app);
  const admin = request.admin && {
    email: request.admin.email,
    // Hashed before anything is written: a password never reaches the registry.
    passwordHash: await preparePassword(request.admin.password, request.admin.email, "/admin/password"),
  };
  return inTransaction(db, async (tx) => {
    if (request.parentId) await lockHierarchy(tx);
    const parentId = request.parentId ? (await requireParent(tx, request.parentId)).id : null;
    const tenantId = newId();
    const environmentId = newId();
    await register(tx, { request, slug, tenantId, parentId, app, template });
    await insertEnvironment(tx, { id: environmentId, tenantId, name: "production" });
    await giveServersTo(tx, { tenantId, slug });
    const { region } = request;
    await placements.requireEligible(tx, { level: isolation.database, region, environmentId });
    if (request.settings) {
      const layer = { scope: "tenant", scopeId: tenantId } as const;
      await settings.change(tx, layer, request.settings, { changedBy: requestedBy, pointer: "/settings" });
    }
    const from = template && { id: template.id, name: template.name, revision: template.revision };
    const input: ProvisionInput = { appId: app.id, isolation, region: region ?? null, admin, template: from };
    const operationId = await startOperation(tx, {
      workflow: provisioning.workflowFor(work),
      tenantId,
      environmentId,
      input,
      requestedBy,
    });
    // Late: whoever else makes a tenant waits from here on until the commit.
    await countIn(tx, limits.maxTenants);
    await recordEvent(tx, {
      name: "tenant.requested",
      tenantId,
      environmentId,
      data: { slug, name: request.name },
    });
    await addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain });
    return { tenantId, operationId };
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

async function takenError(tx: Tx, slug: string, clientId: string | undefined) {
  if (await slugIsTaken(tx, slug)) return slugTaken(tx, slug);
  const message = `Another tenant has the clientId "${clientId}".`;
  return failure("name_taken", { detail: message, errors: [{ pointer: "/clientId", message }] });
}

type Registration = {
  request: CreateTenantRequest;
  slug: string;
  tenantId: string;
  parentId: string | null;
  app: AppRow;
  template?: TemplateRow | undefined;
};

export async function register(tx: Tx, registration: Registration): Promise<void> {
  const { request, slug, tenantId, parentId, app, template } = registration;
  // Whoever deletes it meanwhile finds this tenant's operation, or is found here.
  if (template && !(await holdTemplate(tx, template.id)))
    throw invalidField("/template", `There is no template "${template.name}".`);
  const inserted = await insertTenant(tx, {
    id: tenantId,
    slug,
    clientId: request.clientId ?? null,
    name: request.name,
    appId: app.id,
    plan: request.plan ?? null,
    region: request.region ?? null,
    groups: request.groups ?? [],
    parentId,
    timezone: request.timezone ?? "UTC",
    language: request.language ?? "en",
    logoUrl: request.logoUrl ?? null,
    templateName: template?.name ?? null,
    templateRevision: template?.revision ?? null,
  });
  if (!inserted) throw await takenError(tx, slug, request.clientId);
}

export async function countIn(tx: Tx, maxTenants: number): Promise<void> {
  if (await countTenantIn(tx, maxTenants)) return;
  throw failure("tenant_limit_reached", { detail: `This installation may hold ${maxTenants} tenants.` });
}
