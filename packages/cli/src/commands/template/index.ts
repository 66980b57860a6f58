import type { TemplateDetailReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { listCommand, showCommand } from "./reads.ts";

/** `tenantry template …` */
export function templateCommand(): Command {
  return defineGroup("template", "what new tenants are made from: configuration and starter data", [
    createCommand(),
    listCommand(),
    showCommand(),
    updateCommand(),
    deleteCommand(),
  ]);
}

const form =
  "The file is YAML: plan, region, groups, preset, isolation, settings and the like, `data` (files of SQL) and `files` (a directory), relative to it.";

function createCommand(): Command {
  const command = defineCommand("create", {
    summary: "add a template",
    details: form,
    examples: ["template create agency --from agency/template.yaml"],
    calls: ["createTemplate", "putTemplateChunk"],
  })
    .argument("<name>", "what it is called: lower-case letters and digits, joined by . _ or -")
    .requiredOption("--from <file>", "the template's file");
  return overApi(command).action(async (name: string, { from }: { from: string }, self: Command) =>
    send(self, from, (definition) => ({
      ...{ method: "POST", target: "/v1/templates" },
      body: { name, ...definition },
    })),
  );
}

function updateCommand(): Command {
  const command = defineCommand("update", {
    summary: "give a template its next revision",
    details: `Tenants made from it stay as they are. ${form}`,
    examples: ["template update agency --from agency/template.yaml"],
    calls: ["reviseTemplate", "putTemplateChunk"],
  })
    .argument("<template>", "its name or id")
    .requiredOption("--from <file>", "the template's file");
  return overApi(command).action(async (template: string, { from }: { from: string }, self: Command) =>
    send(self, from, (definition) => ({
      ...{ method: "PUT", target: path`/v1/templates/${template}` },
      body: definition,
    })),
  );
}

type Request = { method: "POST" | "PUT"; target: string; body: object };

async function send(
  command: Command,
  file: string,
  requestOf: (definition: object) => Request,
): Promise<void> {
  const { client, output } = await contextOf(command);
  // Reading YAML and checking it takes time to load, which other commands needn't wait for.
  const { prepareTemplate, sendTemplate } = await import("../../template/send.ts");
  const prepared = await prepareTemplate(file);
  const sent = await sendTemplate(client, requestOf(prepared.definition), prepared, output.note);
  output.result(sent, describe);
}

function describe({ name, revision, dataFiles, files }: TemplateDetailReply): string {
  const holds = [
    dataFiles > 0 && `${dataFiles} ${dataFiles === 1 ? "file" : "files"} of SQL`,
    files > 0 && `${files} ${files === 1 ? "file" : "files"} for storage`,
  ].filter(Boolean);
  const what = holds.length > 0 ? `, with ${holds.join(" and ")}` : "";
  return `${name}@${revision} is there${what}: tenantry tenant create <slug> --name <name> --template ${name}`;
}

function deleteCommand(): Command {
  const command = defineCommand("delete", {
    summary: "delete a template; tenants made from it stay as they are",
    examples: ["template delete agency --yes"],
    calls: ["deleteTemplate"],
  })
    .argument("<template>", "its name or id")
    .option("--yes", "without asking");
  return overApi(command).action(async (template: string, { yes }: { yes?: boolean }, self: Command) => {
    const { client, output } = await contextOf(self);
    if (!yes) await confirm(`Delete the template ${template} with all its revisions?`);
    await client.call("DELETE", path`/v1/templates/${template}`);
    output.result({ deleted: template }, () => `${template} is gone. Tenants made from it stay as they are.`);
  });
}
