import type { TemplateDetailReply, TemplateReply } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi, wholeNumber } from "../../command.ts";
import type { Look } from "../../output/look.ts";
import { at, fields, table } from "../../output/table.ts";

type ListOptions = PageOptions & { app?: string };

export function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list templates by name",
    examples: ["template list", "template list --app sites --json"],
    calls: ["listTemplates"],
  }).option("--app <app>", "those for this application");
  return overApi(addPageOptions(command)).action(async (options: ListOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<TemplateReply>(client, "/v1/templates", options, { app: options.app });
    output.result(page, showTemplates);
    noteMore(output, page);
  });
}

function showTemplates({ items }: { items: readonly TemplateReply[] }, look: Look): string {
  if (items.length === 0)
    return "There are no templates. This makes one: tenantry template create <name> --from template.yaml";
  const rows = items.map((one) => [
    `${one.name}@${one.revision}`,
    one.app,
    one.description,
    sizeOf(one.dataFiles, one.dataBytes),
    sizeOf(one.files, one.fileBytes),
    at(one.createdAt),
  ]);
  return table(look, ["template", "app", "what it is", "sql", "files", "since"], rows);
}

export function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show a template, what it says and what is in it",
    examples: ["template show agency", "template show agency --revision 1 --json"],
    calls: ["showTemplate"],
  })
    .argument("<template>", "its name or id")
    .option("--revision <number>", "an earlier revision", wholeNumber(1, 999_999_999));
  return overApi(command).action(
    async (template: string, { revision }: { revision?: number }, self: Command) => {
      const { client, output } = await contextOf(self);
      const target = path`/v1/templates/${template}`;
      const { body } = await client.call<TemplateDetailReply>("GET", target, { query: { revision } });
      output.result(body, showTemplate);
    },
  );
}

function showTemplate(template: TemplateDetailReply, look: Look): string {
  const { settings = {}, ...configuration } = template.configuration as Record<string, unknown>;
  const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const own = fields(look, [
    ["Template", `${template.name}@${template.revision}`],
    ["Newest revision", template.newestRevision],
    ["Id", template.id],
    ["Application", template.app],
    ["What it is", template.description],
    ...Object.entries(configuration).map(([key, value]): [string, string] => [key, shown(value)]),
    ...Object.entries(settings as object).map(([key, value]): [string, string] => [key, shown(value)]),
    ["Tenants made from it", template.tenants],
    ["Since", at(template.createdAt)],
    ["By", template.createdBy],
  ]);
  const contents = [
    ...template.data.map(({ name, size }) => [name, "SQL", size]),
    ...template.storage.map(({ key, contentType, size }) => [key, contentType, size]),
  ];
  return contents.length === 0 ? own : `${own}\n\n${table(look, ["file", "type", "bytes"], contents)}`;
}

function sizeOf(count: number, bytes: number): string | null {
  return count === 0 ? null : `${count} (${(bytes / 1_000_000).toFixed(1)} MB)`;
}
