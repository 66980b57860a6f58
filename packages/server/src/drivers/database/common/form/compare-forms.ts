import { createHash } from "node:crypto";
import type { Difference, SchemaForm } from "../../driver.ts";

/** So much of a definition is quoted. */
const longest = 200;

/** How a schema differs from what it should be, by the names of things. */
export function compareForms(actual: SchemaForm, expected: SchemaForm): Difference[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  return names.flatMap((object): Difference[] => {
    const [is, should] = [actual[object], expected[object]];
    if (!is) return [{ object, problem: "missing", detail: null }];
    if (!should) return [{ object, problem: "unexpected", detail: null }];
    const properties = [...new Set([...Object.keys(should), ...Object.keys(is)])].sort();
    const differing = properties.filter((property) => is[property] !== should[property]);
    if (differing.length === 0) return [];
    const detail = differing
      .map((property) => `${property} is ${quote(is[property])}, and should be ${quote(should[property])}`)
      .join("; ");
    return [{ object, problem: "different", detail }];
  });
}

function quote(value: string | undefined): string {
  if (value === undefined) return "not set";
  return value.length > longest ? `${value.slice(0, longest)}…` : value;
}

/** The same for equal forms, on any server. */
export function hashForm(form: SchemaForm): string {
  const things = Object.keys(form)
    .sort()
    .map((name) => [name, Object.entries(form[name]!).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return createHash("sha256").update(JSON.stringify(things)).digest("hex");
}
