import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import nodePath from "node:path";
import type { TemplateDefinition, TemplateDetailReply } from "@tenantry/contract";
import type { Client } from "../api/client.ts";
import { path } from "../api/path.ts";
import { inParallel } from "../commands/apply/parallel.ts";
import { unreadable } from "../files.ts";
import { CliError, refusal } from "../problem.ts";
import { contentTypeOf, describeContent, filesBelow, partsOf, sqlFilesAt } from "./contents.ts";
import { readTemplate } from "./read.ts";

/** A template as it is sent, and which files its contents are in. */
export type Prepared = { definition: TemplateDefinition; files: string[] };

const atOnce = 4;

/** Reads a template's file and all that it names; refuses it with every mistake. */
export async function prepareTemplate(file: string): Promise<Prepared> {
  const whole = nodePath.resolve(process.cwd(), file);
  const text = await readFile(whole, "utf8").catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const read = readTemplate(file, text);
  if ("mistakes" in read) {
    const count = read.mistakes.length === 1 ? "a mistake" : `${read.mistakes.length} mistakes`;
    throw refusal("file_invalid", `Nothing was done: the template has ${count}.`, {
      errors: read.mistakes.map((message) => ({ pointer: "", message })),
    });
  }
  const { apiVersion: _, data = [], files, ...rest } = read.template;
  const base = nodePath.dirname(whole);
  const sqlFiles = (await inParallel(data, 1, (one) => sqlFilesAt(nodePath.resolve(base, one)))).flat();
  const stored = files === undefined ? [] : await filesBelow(nodePath.resolve(base, files));
  const definition: TemplateDefinition = {
    ...rest,
    data: await inParallel(sqlFiles, atOnce, async (one) => ({
      name: nodePath.relative(base, one).split(nodePath.sep).join("/"),
      ...(await describeContent(one)),
    })),
    files: await inParallel(stored, atOnce, async ({ key, file: one }) => ({
      ...{ key, contentType: contentTypeOf(key) },
      ...(await describeContent(one)),
    })),
  };
  return { definition, files: [...sqlFiles, ...stored.map((one) => one.file)] };
}

/** How often what is missing is uploaded: the files may change meanwhile, but not for ever. */
const mostRounds = 3;

/** Sends a template, with those parts of its contents that aren't there yet. */
export async function sendTemplate(
  client: Client,
  { method, target, body }: { method: "POST" | "PUT"; target: string; body: object },
  { files }: Prepared,
  note: (line: string) => void,
): Promise<TemplateDetailReply> {
  for (let round = 1; ; round += 1) {
    try {
      return (await client.call<TemplateDetailReply>(method, target, { body })).body;
    } catch (error) {
      const missing = error instanceof CliError ? error.problem.missing : undefined;
      if (!missing || round >= mostRounds) throw error;
      await upload(client, files, new Set(missing), note);
    }
  }
}

const noteEveryBytes = 20_000_000;

async function upload(
  client: Client,
  files: readonly string[],
  missing: Set<string>,
  note: (line: string) => void,
): Promise<void> {
  let sent = 0;
  let noted = 0;
  await inParallel(files, atOnce, async (file) => {
    for await (const bytes of partsOf(file)) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      if (!missing.delete(sha256)) continue;
      await client.call("PUT", path`/v1/template-chunks/${sha256}`, { bytes });
      sent += bytes.length;
      if (sent - noted < noteEveryBytes) continue;
      noted = sent;
      note(`${(sent / 1_000_000).toFixed(0)} MB uploaded`);
    }
  });
}
