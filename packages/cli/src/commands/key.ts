import type { KeyReply, NewKeyReply } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import { confirm } from "../confirm.ts";
import type { Look } from "../output/look.ts";
import { at, table } from "../output/table.ts";

/** `tenantry key …`: the keys that the API lets in. */
export function keyCommand(): Command {
  return defineGroup("key", "API keys, of operators and of applications", [
    createCommand(),
    listCommand(),
    endCommand(),
  ]);
}

function createCommand(): Command {
  const command = defineCommand("create", {
    summary: "make an API key; it is shown this once",
    details:
      "An operator's key may do everything this command can; an application's key speaks for that one alone.",
    examples: ["key create deploys", "key create staging --app notes"],
    calls: ["createKey"],
  })
    .argument("<name>", "what it is for")
    .option("--app <app>", "for this application's processes: its TENANTRY_APP_KEY");
  return overApi(command).action(async (name: string, { app }: { app?: string }, self: Command) => {
    const { client, output } = await contextOf(self);
    const body = app === undefined ? { kind: "operator", name } : { kind: "app", name, app };
    const { body: made } = await client.call<NewKeyReply>("POST", "/v1/keys", { body });
    output.result(made, ({ key }) =>
      [
        `The key ${name} was made. It is shown only now, and kept nowhere:`,
        "",
        `  TENANTRY_URL=${client.url}`,
        `  ${app === undefined ? "TENANTRY_API_KEY" : "TENANTRY_APP_KEY"}=${key}`,
        "",
      ].join("\n"),
    );
  });
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list API keys, never the keys themselves",
    examples: ["key list"],
    calls: ["listKeys"],
  });
  return overApi(addPageOptions(command)).action(async (options: PageOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const page = await fetchPages<KeyReply>(client, "/v1/keys", options);
    output.result(page, showKeys);
    noteMore(output, page);
  });
}

function showKeys({ items }: { items: readonly KeyReply[] }, look: Look): string {
  const rows = items.map((key) => [
    key.id,
    key.name,
    key.appId ? `application ${key.appId}` : key.kind,
    `${key.hint}…`,
    at(key.lastUsedAt),
    at(key.createdAt),
  ]);
  return table(look, ["key", "name", "for", "begins with", "last used", "created"], rows);
}

function endCommand(): Command {
  const command = defineCommand("end", {
    summary: "end an API key; within five seconds it lets nobody in",
    examples: ["key end key_01m7xr0gfxfqpr8fn1n27m6qws --yes"],
    calls: ["endKey"],
  })
    .argument("<key>", "its id, from `tenantry key list`")
    .option("--yes", "without asking");
  return overApi(command).action(async (key: string, { yes }: { yes?: boolean }, self: Command) => {
    const { client, output } = await contextOf(self);
    const target = path`/v1/keys/${key}`;
    if (!yes) await confirm(`End the key ${key}? Whoever uses it is locked out.`);
    await client.call("DELETE", target);
    output.result({ ended: key }, () => `${key} was ended.`);
  });
}
