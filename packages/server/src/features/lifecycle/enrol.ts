import type { CreateTenantRequest, DatabaseLevel } from "@tenantry/contract";
import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, invalidField, newId } from "../../kernel/index.ts";
import { insertEnvironment } from "../environments/index.ts";
import { giveServersTo, type Placements } from "../placements/index.ts";
import type { AppRow } from "../releases/index.ts";
import { addSystemRoute } from "../routing/index.ts";
import { holdTemplate, type TemplateRow } from "../templates/index.ts";
import {
  countTenantIn,
  insertTenant,
  requireSomebodyToSee,
  slugIsTaken,
  slugTaken,
} from "../tenants/index.ts";
import { touchParents } from "./parents.ts";

export type Enrolling = {
  rootDomain: string;
  placements: Pick<Placements, "requireEligible">;
};

type Ids = { tenantId: string; environmentId: string };

type Enrolment<Input> = {
  request: CreateTenantRequest;
  slug: string;
  parentId: string | null;
  app: AppRow;
  template?: TemplateRow | undefined;
  level: DatabaseLevel;
  maxTenants: number;
  requestedBy: string;
  /** The tenant's and its environment's own settings. */
  giveSettings: (ids: Ids) => Promise<void>;
  /** Claims the domains that it asked for. */
  claimDomains?: (tenantId: string) => Promise<void>;
  workflow: Workflow<Input>;
  input: Input;
};

/**
 * Registers a tenant with its production environment and starts the work that fills it. From the commit on, the slug is
 * held and the host answers.
 */
export async function enrol<Input>(
  tx: Tx,
  { rootDomain, placements }: Enrolling,
  enrolment: Enrolment<Input>,
): Promise<{ tenantId: string; operationId: string }> {
  const { request, slug, level, workflow, input, requestedBy } = enrolment;
  const ids = { tenantId: newId(), environmentId: newId() };
  const { tenantId, environmentId } = ids;
  await register(tx, tenantId, enrolment);
  await insertEnvironment(tx, { id: environmentId, tenantId, name: "production" });
  await giveServersTo(tx, { tenantId, slug });
  await placements.requireEligible(tx, { level, region: request.region, environmentId });
  await enrolment.giveSettings(ids);
  const operationId = await startOperation(tx, { workflow, ...ids, input, requestedBy });
  // Late: whoever else makes a tenant waits from here on until the commit.
  await countIn(tx, enrolment.maxTenants);
  await recordEvent(tx, { name: "tenant.requested", ...ids, data: { slug, name: request.name } });
  await enrolment.claimDomains?.(tenantId);
  await addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain });
  if (request.visibleToParent) await touchParents(tx, [enrolment.parentId]);
  return { tenantId, operationId };
}

async function register(
  tx: Tx,
  tenantId: string,
  { request, slug, parentId, app, template }: Enrolment<unknown>,
): Promise<void> {
  requireSomebodyToSee({ parentId, visibleToParent: request.visibleToParent ?? false });
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
    visibleToParent: request.visibleToParent ?? false,
    timezone: request.timezone ?? "UTC",
    language: request.language ?? "en",
    logoUrl: request.logoUrl ?? null,
    templateName: template?.name ?? null,
    templateRevision: template?.revision ?? null,
  });
  if (!inserted) throw await takenError(tx, slug, request.clientId);
}

async function takenError(tx: Tx, slug: string, clientId: string | undefined) {
  if (await slugIsTaken(tx, slug)) return slugTaken(tx, slug);
  const message = `Another tenant has the clientId "${clientId}".`;
  return failure("name_taken", { detail: message, errors: [{ pointer: "/clientId", message }] });
}

async function countIn(tx: Tx, maxTenants: number): Promise<void> {
  if (await countTenantIn(tx, maxTenants)) return;
  throw failure("tenant_limit_reached", { detail: `This installation may hold ${maxTenants} tenants.` });
}
