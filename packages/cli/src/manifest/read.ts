import { type Document, LineCounter, parseAllDocuments } from "yaml";
import { closest } from "./closest.ts";
import { domainFields } from "./domains.ts";
import { parentsFirst } from "./order.ts";
import { apiVersion, type DeclaredTenant, manifest, tenantFields } from "./schema.ts";
import { describeIssue, type Key, type Place, placesIn, plainValue } from "./yaml-places.ts";

/** A text, and what it is called when something in it is wrong. */
export type Source = { name: string; text: string };

export type ReadResult = {
  tenants: DeclaredTenant[];
  /** `file:line:column: field: what is wrong`; nothing of the files counts when there is one. */
  mistakes: string[];
  /** Where a tenant's field stands, by its slug. */
  places: Map<string, (field: readonly Key[]) => string>;
};

/** Reads declared tenants from YAML (or JSON, which is YAML): all documents of all sources. Finds every mistake at once. */
export function readManifests(sources: readonly Source[]): ReadResult {
  const result: ReadResult = { tenants: [], mistakes: [], places: new Map() };
  for (const source of sources) readSource(source, result);
  const ordered = new Set(parentsFirst(result.tenants));
  for (const tenant of result.tenants.filter((one) => !ordered.has(one))) {
    const place = result.places.get(tenant.slug)!(["slug"]);
    result.mistakes.push(
      `${place}: parent: "${tenant.slug}" would stand below itself, by way of its parents.`,
    );
  }
  return result;
}

function readSource({ name, text }: Source, result: ReadResult): void {
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
    readDocument(document, placesIn(name, lines, document), result);
  }
}

function readDocument(document: Document.Parsed, place: Place, result: ReadResult): void {
  const value = plainValue(document, (message) => result.mistakes.push(`${place([])}: ${message}`));
  if (value === undefined) return;
  const parsed = manifest.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      result.mistakes.push(...describeIssue(issue, { value, place }, { fieldName, unknown }));
    }
    return;
  }
  parsed.data.tenants.forEach((tenant, index) => {
    const placeOf = (field: readonly Key[]) => place(["tenants", index, ...field]);
    const before = result.places.get(tenant.slug);
    if (before !== undefined) {
      const [here, there] = [placeOf, before].map((one) => one(["slug"]));
      result.mistakes.push(`${here}: slug: "${tenant.slug}" is declared already, at ${there}.`);
    } else {
      result.places.set(tenant.slug, placeOf);
      result.tenants.push(tenant);
    }
  });
}

/** `groups[1]`: within its tenant, whom the line tells. */
function fieldName(path: readonly Key[]): string {
  const own = path[0] === "tenants" && path.length > 2 ? path.slice(2) : path;
  const name = own.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return name.replace(/^\./, "");
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
  if (path.at(-2) === "domains") return domainFields;
  return path.at(-1) === "isolation" ? ["database", "storage", "cache", "compute"] : tenantFields;
}
