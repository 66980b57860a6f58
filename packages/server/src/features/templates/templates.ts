import type { TemplateDefinition } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { failure, invalidField, newId, parseId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { holdChunks, insertTemplateFiles } from "./contents.sql.ts";
import { type CheckedDefinition, checkDefinition, requireContents } from "./definition.ts";
import {
  countOpenUses,
  deleteTemplateRow,
  insertRevision,
  insertTemplate,
  lockTemplate,
  selectLastRemembered,
  selectTemplate,
  type TemplateRow,
  updateNewestRevision,
} from "./templates.sql.ts";

export type TemplateDependencies = {
  db: Db;
  settings: Settings;
  /** The UUID of an application by its slug; throws `app_not_found`. */
  findAppId: (db: Db | Tx, slug: string) => Promise<string>;
};

/** Finds a template by its id (`tpl_…`) or name, at its newest revision or another one. */
export async function findTemplate(db: Db | Tx, idOrName: string, revision?: number): Promise<TemplateRow> {
  const id = parseId("tpl", idOrName);
  const found = await selectTemplate(db, id ? { id } : { name: idOrName }, revision);
  if (found) return found;
  const which = revision === undefined ? "" : `, or it has no revision ${revision}`;
  throw failure("template_not_found", { detail: `There is no template "${idOrName.slice(0, 80)}"${which}.` });
}

/** Makes a template with its first revision. Throws `name_taken`, `contents_missing`, `template_too_large`. */
export async function createTemplate(
  deps: TemplateDependencies,
  name: string,
  definition: TemplateDefinition,
  createdBy: string,
): Promise<string> {
  const checked = checkDefinition(definition);
  const appId = await appOf(deps, definition.app);
  return inTransaction(deps.db, async (tx) => {
    // Revisions that tenants remember of an earlier template of this name stay that one's.
    const number = (await selectLastRemembered(tx, name)) + 1;
    const id = newId();
    if (!(await insertTemplate(tx, { id, name, appId, newestRevision: number }))) {
      const message = `There is a template "${name}" already.`;
      throw failure("name_taken", {
        detail: message,
        errors: [{ pointer: "/name", message }],
        remedy: `Give it its next revision with \`tenantry template update ${name}\`, or choose another name.`,
      });
    }
    await addRevision(tx, { templateId: id, number, createdBy }, definition, checked);
    return id;
  });
}

/** Gives a template its next revision: from then on new tenants are made from that. Those there are stay as they are. */
export async function reviseTemplate(
  deps: TemplateDependencies,
  idOrName: string,
  definition: TemplateDefinition,
  createdBy: string,
): Promise<string> {
  const checked = checkDefinition(definition);
  const appId = await appOf(deps, definition.app);
  return inTransaction(deps.db, async (tx) => {
    const { id } = await findTemplate(tx, idOrName);
    const number = await updateNewestRevision(tx, id, appId);
    if (number === undefined) throw failure("template_not_found");
    await addRevision(tx, { templateId: id, number, createdBy }, definition, checked);
    return id;
  });
}

async function appOf({ db, settings, findAppId }: TemplateDependencies, app: string | undefined) {
  return findAppId(db, app ?? (await settings.get<string>(db, "defaultApp")));
}

async function addRevision(
  tx: Tx,
  revision: { templateId: string; number: number; createdBy: string },
  { description }: TemplateDefinition,
  { configuration, files }: CheckedDefinition,
): Promise<void> {
  const names = [...new Set(files.flatMap(({ chunks }) => chunks))];
  requireContents(files, await holdChunks(tx, names));
  const bytesOf = (kind: string) =>
    files.filter((file) => file.kind === kind).reduce((sum, { size }) => sum + size, 0);
  const countOf = (kind: string) => files.filter((file) => file.kind === kind).length;
  await insertRevision(tx, {
    ...revision,
    description: description ?? null,
    configuration,
    dataFiles: countOf("data"),
    dataBytes: bytesOf("data"),
    files: countOf("storage"),
    fileBytes: bytesOf("storage"),
  });
  await insertTemplateFiles(tx, revision, files);
}

/**
 * Takes a template away. Tenants made from it stay as they are, and remember its name. Throws `template_in_use` while
 * tenants are being made from it, and while the setting defaultTemplates names it.
 */
export async function deleteTemplate(
  { db, settings }: TemplateDependencies,
  idOrName: string,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { id, name } = await findTemplate(tx, idOrName);
    await lockTemplate(tx, id);
    const defaults = await settings.get<Record<string, string>>(tx, "defaultTemplates");
    const [app] = Object.entries(defaults).find(([, template]) => template === name) ?? [];
    if (app !== undefined) {
      throw failure("template_in_use", {
        detail: `New tenants of the application ${app} are made from it by default.`,
        remedy: "Take it out of the setting defaultTemplates first.",
      });
    }
    const uses = await countOpenUses(tx, id);
    if (uses > 0) {
      throw failure("template_in_use", {
        detail: `${uses === 1 ? "A tenant is" : `${uses} tenants are`} being made from it.`,
        remedy: "Wait for that, or cancel it: `tenantry operation list`.",
        retryAfterSeconds: 5,
      });
    }
    await deleteTemplateRow(tx, id);
  });
}

/** A tenant's template as a request names it (`agency`, `agency@3`), or the default of its application. */
export async function chooseTemplate(
  db: Db,
  {
    template,
    app,
    defaults,
  }: { template: string | null | undefined; app: string; defaults: Record<string, string> },
): Promise<TemplateRow | undefined> {
  const named = template === undefined ? defaults[app] : template;
  if (named === null || named === undefined) return undefined;
  const [name = "", revision] = named.split("@");
  const found = await selectTemplate(db, { name }, revision === undefined ? undefined : Number(revision));
  if (found) return found;
  throw invalidField(
    "/template",
    template === undefined
      ? `There is no template "${named}", which the setting defaultTemplates names for ${app}.`
      : `There is no template "${named}".`,
  );
}
