import { type TemplateConfiguration, type TemplateDefinition, templateLimits } from "@tenantry/contract";
import { isKey } from "@tenantry/data";
import { type FieldError, failure } from "../../kernel/index.ts";
import { checkSettings } from "../settings/index.ts";
import type { TemplateFileRow } from "./contents.sql.ts";
import { requireKnownPlaceholders } from "./placeholders.ts";

export type CheckedDefinition = { configuration: TemplateConfiguration; files: TemplateFileRow[] };

/**
 * What a template says, made sure of as far as that goes without its contents: settings that a tenant may have,
 * placeholders that stand for something, keys and names once each, sizes within bounds.
 */
export function checkDefinition(definition: TemplateDefinition): CheckedDefinition {
  const { description: _, app: __, data = [], files = [], ...configuration } = definition;
  const { settings = {} } = configuration;
  checkSettings("tenant", settings, {}, "/settings");
  requireKnownPlaceholders(settings, "/settings");
  const errors = [
    ...data.flatMap(({ name }, index) => repeated(data, "name", name, index, "/data")),
    ...files.flatMap(({ key }, index) => repeated(files, "key", key, index, "/files")),
    ...files.flatMap(({ key }, index) =>
      isKey(key)
        ? []
        : [{ pointer: `/files/${index}/key`, message: "No file can be stored under this key." }],
    ),
  ];
  if (errors.length > 0) throw failure("invalid_request", { detail: errors[0]!.message, errors });
  const all = [
    ...data.map((file) => ({ ...file, kind: "data" as const, contentType: null })),
    ...files.map(({ key, ...file }) => ({ ...file, kind: "storage" as const, name: key })),
  ];
  requireBounds(all);
  return { configuration, files: all };
}

function repeated<Item>(
  items: readonly Item[],
  field: keyof Item & string,
  value: unknown,
  index: number,
  pointer: string,
): FieldError[] {
  if (items.findIndex((one) => one[field] === value) === index) return [];
  return [{ pointer: `${pointer}/${index}/${field}`, message: `"${value}" stands here twice.` }];
}

function requireBounds(files: readonly TemplateFileRow[]): void {
  const { fileBytes, totalBytes } = templateLimits;
  const largest = files.find(({ size }) => size > fileBytes);
  if (largest) throw tooLarge(`${largest.name} has ${largest.size} bytes; one file may have ${fileBytes}`);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > totalBytes)
    throw tooLarge(`Together the files have ${total} bytes; they may have ${totalBytes}`);
}

function tooLarge(detail: string) {
  return failure("template_too_large", { detail: `${detail}.` });
}

/** Throws unless all chunks are there, and make up the sizes that were declared. */
export function requireContents(
  files: readonly TemplateFileRow[],
  present: ReadonlyMap<string, number>,
): void {
  const missing = [...new Set(files.flatMap(({ chunks }) => chunks.filter((name) => !present.has(name))))];
  if (missing.length > 0) {
    const count = missing.length === 1 ? "A chunk is" : `${missing.length} chunks are`;
    throw failure("contents_missing", { detail: `${count} missing.`, extra: { missing } });
  }
  const wrong = files.find(
    ({ size, chunks }) => chunks.reduce((sum, name) => sum + present.get(name)!, 0) !== size,
  );
  if (!wrong) return;
  const list = wrong.kind === "data" ? "data" : "files";
  const index = files.filter(({ kind }) => kind === wrong.kind).indexOf(wrong);
  const message = `The chunks of ${wrong.name} don't have ${wrong.size} bytes together.`;
  throw failure("invalid_request", {
    detail: message,
    errors: [{ pointer: `/${list}/${index}/size`, message }],
  });
}
