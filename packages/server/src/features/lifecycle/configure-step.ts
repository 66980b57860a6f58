import { type StepContext, step } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { deleteSettingsBy, type Settings } from "../settings/index.ts";
import { fillIn, selectTemplate } from "../templates/index.ts";
import type { ProvisionInput } from "./provision-workflow.ts";
import { valuesFor } from "./seed-step.ts";
import type { PublicUrl } from "./tenant-view.ts";

export type ConfigureDependencies = { settings: Settings; publicUrl: PublicUrl };

/** By whom the settings are that a template gave, so that they can be told from others. */
const authorOf = ({ template }: ProvisionInput): string => `template ${template!.name}@${template!.revision}`;

/** Settings of the template [REG-4, REG-11]: those that the tenant doesn't have yet. */
export function configureStep({ settings, publicUrl }: ConfigureDependencies) {
  return step<ProvisionInput>("apply-configuration", {
    title: "Apply the configuration",
    async run(context: StepContext<ProvisionInput>) {
      const { template } = context.input;
      const found = await selectTemplate(context.db, { id: template!.id }, template!.revision);
      if (!found) throw failure("template_not_found", { detail: `The template ${template!.name} is gone.` });
      const values = await valuesFor(context.db, context, publicUrl);
      const filled = fillIn(found.configuration.settings ?? {}, values) as Record<string, unknown>;
      await context.transaction((tx) =>
        settings.addMissing(tx, context.tenantId!, filled, authorOf(context.input)),
      );
      return { settings: Object.keys(filled).sort() };
    },
    undo: (context) =>
      context.transaction((tx) => deleteSettingsBy(tx, context.tenantId!, authorOf(context.input))),
  });
}
