import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
} from "yaml";
import type { z } from "zod";
import { closest } from "./closest.ts";
import { parentsFirst } from "./order.ts";
import { apiVersion, type DeclaredTenant, manifest, tenantFields } from "./schema.ts";

/** A text, and what it is called when something in it is wrong. */
export type Source = { name: string; text: string };

export type ReadResult = {
  tenants: DeclaredTenant[];
  /** `file:line:column: field: what is wrong`; nothing of the files counts when there is one. */
  mistakes: string[];
};

type Key = PropertyKey;
type Place = (path: readonly Key[], key?: string) => string;

/** Reads declared tenants from YAML (or JSON, which is YAML): all documents of all sources. Finds every mistake at once. */
export function readManifests(sources: readonly Source[]): ReadResult {
  const result: ReadResult = { tenants: [], mistakes: [] };
  const placeOf = new Map<string, string>();
  for (const source of sources) readSource(source, result, placeOf);
  const ordered = new Set(parentsFirst(result.tenants));
  for (const tenant of result.tenants.filter((one) => !ordered.has(one))) {
    const place = placeOf.get(tenant.slug);
    result.mistakes.push(
      `${place}: parent: "${tenant.slug}" would stand below itself, by way of its parents.`,
    );
  }
  return result;
}

function readSource({ name, text }: Source, result: ReadResult, placeOf: Map<string, string>): void {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const documents = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })];
  const filled = documents.filter((one) => one.contents !== null || one.errors.length > 0);
  if (filled.length === 0) {
    result.mistakes.push(`${name}:1:1: There is nothing in it. It begins with: apiVersion: ${apiVersion}`);
  }
  for (const document of filled) {
    const broken = [...document.errors, ...document.warnings];
    for (const { pos, message } of broken) result.mistakes.push(`${at(pos[0])}: ${message}`);
    if (broken.length > 0) continue;
    readDocument(document, at, result, placeOf);
  }
}

function readDocument(
  document: Document.Parsed,
  at: (offset: number) => string,
  result: ReadResult,
  placeOf: Map<string, string>,
): void {
  const place: Place = (path, key) => at(offsetOf(document.contents, path, key));
  const value = plainValue(document, place, result);
  if (value === undefined) return;
  const parsed = manifest.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) result.mistakes.push(...describe(issue, value, place));
    return;
  }
  parsed.data.tenants.forEach((tenant, index) => {
    const here = place(["tenants", index, "slug"]);
    const before = placeOf.get(tenant.slug);
    if (before !== undefined) {
      result.mistakes.push(`${here}: slug: "${tenant.slug}" is declared already, at ${before}.`);
    } else {
      placeOf.set(tenant.slug, here);
      result.tenants.push(tenant);
    }
  });
}

function plainValue(document: Document.Parsed, place: Place, result: ReadResult): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that blow up, or lead nowhere.
    result.mistakes.push(`${place([])}: ${(error as Error).message}.`);
    return undefined;
  }
}

/** Where the value at a path begins, or its key; of what is missing, where it should be. */
function offsetOf(root: ParsedNode | null, path: readonly Key[], key?: string): number {
  let node: unknown = root;
  for (const step of path) {
    const next: unknown = hasChildren(node) ? node.get(step, true) : undefined;
    if (!isNode(next)) break;
    node = next;
  }
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((one) => isScalar(one.key) && one.key.value === key);
    if (pair && isNode(pair.key)) return pair.key.range?.[0] ?? 0;
  }
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function hasChildren(node: unknown): node is { get(key: unknown, keepScalar: true): unknown } {
  return typeof node === "object" && node !== null && "get" in node && typeof node.get === "function";
}

function describe(issue: z.core.$ZodIssue, value: unknown, place: Place): string[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (key) => `${place(path, key)}: ${fieldName([...path, key])}: ${unknown(path, key)}`,
    );
  }
  const given = path.reduce<unknown>((inside, key) => (inside as Record<Key, unknown> | null)?.[key], value);
  return [`${place(path)}: ${fieldName(path)}: ${wrong(issue, given)}`];
}

function wrong(issue: z.core.$ZodIssue, given: unknown): string {
  if (given === undefined) {
    const missing =
      issue.path.at(-1) === "apiVersion" ? `Add at the head: apiVersion: ${apiVersion}` : "Add it.";
    return `is missing. ${missing}`;
  }
  const message = issue.message.replace(/^Invalid [a-z]+: /, "");
  const isText = issue.code === "invalid_type" && issue.expected === "string";
  if (isText && (typeof given === "number" || typeof given === "boolean")) {
    return `must be text. Write it in quotes: "${given}"`;
  }
  return `${message}.`;
}

/** `groups[1]`: within its tenant, whom the line tells. */
function fieldName(path: readonly Key[]): string {
  const own = path[0] === "tenants" && path.length > 2 ? path.slice(2) : path;
  const name = own.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return name.replace(/^\./, "") || "document";
}

const elsewhere: Readonly<Record<string, string>> = {
  admin: "Users aren't declared: make the first one with `tenantry user create`.",
  id: "A tenant is known by its slug.",
  status: "Write `suspended: <reason>` or `suspended: false`.",
  level: "Write `isolation: { database: <level> }`.",
  parentId: "Write `parent`, with the tenant's slug.",
};

function unknown(path: readonly Key[], key: string): string {
  const known = fieldsAt(path);
  const near = closest(key, known);
  const isTenant = path[0] === "tenants" && path.length === 2;
  const remedy =
    (isTenant && elsewhere[key]) || (near ? `Did you mean ${near}?` : `There are: ${known.join(", ")}.`);
  return `There is no such field. ${remedy}`;
}

function fieldsAt(path: readonly Key[]): readonly string[] {
  if (path.length === 0) return ["apiVersion", "tenants"];
  return path.at(-1) === "isolation" ? ["database", "storage", "cache", "compute"] : tenantFields;
}
