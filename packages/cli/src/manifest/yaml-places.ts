import { type Document, isMap, isNode, isScalar, type LineCounter, type ParsedNode } from "yaml";
import type { z } from "zod";
import { apiVersion } from "./schema.ts";

export type Key = PropertyKey;
/** `file:line:column` of the value at a path, or of a key there. */
export type Place = (path: readonly Key[], key?: string) => string;

/** Tells places in a document. */
export function placesIn(name: string, lines: LineCounter, document: Document.Parsed): Place {
  return (path, key) => {
    const { line, col } = lines.linePos(offsetOf(document.contents, path, key));
    return `${name}:${line}:${col}`;
  };
}

/** The document's value; undefined for what can't be one, which `onMistake` is told of. */
export function plainValue(document: Document.Parsed, onMistake: (message: string) => void): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that blow up, or lead nowhere.
    onMistake(`${(error as Error).message}.`);
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

/** How a file's kind of document calls its fields, and what it says to those that it doesn't have. */
export type Naming = {
  fieldName: (path: readonly Key[]) => string;
  unknown: (path: readonly Key[], key: string) => string;
};

/** An issue as `place: field: what is wrong`, a line for each field that there isn't. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  { value, place }: { value: unknown; place: Place },
  { fieldName, unknown }: Naming,
): string[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (key) => `${place(path, key)}: ${fieldName([...path, key])}: ${unknown(path, key)}`,
    );
  }
  const given = path.reduce<unknown>((inside, key) => (inside as Record<Key, unknown> | null)?.[key], value);
  return [`${place(path)}: ${fieldName(path) || "document"}: ${wrong(issue, given)}`];
}

/** What is wrong with a value, as people would say it. */
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
