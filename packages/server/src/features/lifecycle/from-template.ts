import type { CreateTenantRequest, TemplateConfiguration } from "@tenantry/contract";
import type { Db } from "../../infra/db/index.ts";
import type { Workflow } from "../../infra/workflow/index.ts";
import { invalidField } from "../../kernel/index.ts";
import { chooseTemplate, type TemplateRow } from "../templates/index.ts";
import { type ConfigureDependencies, configureStep } from "./configure-step.ts";
import { type ProvisionDependencies, type ProvisionInput, provisionWorkflow } from "./provision-workflow.ts";
import { type SeedDependencies, seedStep } from "./seed-step.ts";

/** What there is to do for a template beside making the tenant. */
export type TemplateWork = { seeds: boolean; configures: boolean };

/** Making a tenant, with the steps that its template needs and no others. */
export type Provisioning = {
  readonly workflows: readonly Workflow<ProvisionInput>[];
  workflowFor(work: TemplateWork): Workflow<ProvisionInput>;
};

/** Each list of steps is a version of its own, so that an operation goes on with the steps it began with. */
export function createProvisioning(
  deps: ProvisionDependencies & SeedDependencies & ConfigureDependencies,
): Provisioning {
  const [seed, configure] = [seedStep(deps), configureStep(deps)];
  const plain = provisionWorkflow(deps);
  const seeding = provisionWorkflow(deps, { version: 2, seed });
  const configuring = provisionWorkflow(deps, { version: 3, configure });
  const both = provisionWorkflow(deps, { version: 4, seed, configure });
  return {
    workflows: [plain, seeding, configuring, both],
    workflowFor({ seeds, configures }) {
      if (seeds) return configures ? both : seeding;
      return configures ? configuring : plain;
    },
  };
}

/** A request with what its template says besides; the request's own words go first. */
export type Templated = {
  request: CreateTenantRequest;
  template: TemplateRow | undefined;
  work: TemplateWork;
};

/**
 * Finds the template of a new tenant (the one it names, or its application's default) and fills in the request from it.
 * Throws `invalid_request` at `/template` for one that isn't there, or is another application's.
 */
export async function applyTemplate(
  db: Db,
  request: CreateTenantRequest,
  defaults: { app: string; templates: Record<string, string> },
): Promise<Templated> {
  const template = await chooseTemplate(db, {
    template: request.template,
    app: request.app ?? defaults.app,
    defaults: defaults.templates,
  });
  if (!template) return { request, template, work: { seeds: false, configures: false } };
  if (request.app !== undefined && request.app !== template.appSlug) {
    throw invalidField(
      "/template",
      `The template ${template.name} is for the application ${template.appSlug}, not for ${request.app}.`,
    );
  }
  const { settings = {}, ...configuration } = template.configuration;
  const filled = { ...fillRequest(request, configuration), app: template.appSlug };
  const configures = Object.keys(settings).some((key) => !(key in (request.settings ?? {})));
  return {
    request: filled,
    template,
    work: { seeds: template.dataFiles + template.files > 0, configures },
  };
}

function fillRequest(
  request: CreateTenantRequest,
  { preset, isolation, ...rest }: Omit<TemplateConfiguration, "settings">,
): CreateTenantRequest {
  // A preset of the request's own stands for all four kinds: nothing of the template's isolation is left then.
  const kept =
    request.preset === undefined ? { preset, isolation: { ...isolation, ...request.isolation } } : {};
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  return { ...rest, ...given, ...kept } as CreateTenantRequest;
}
