import { LineCounter, parseDocument } from "yaml";
import { closest } from "../manifest/closest.ts";
import { describeIssue, type Naming, placesIn, plainValue } from "../manifest/yaml-places.ts";
import { type DeclaredTemplate, declaredTemplate, templateFields } from "./schema.ts";

/** A template's file, or every mistake in it as `file:line:column: field: what is wrong`. */
export function readTemplate(
  name: string,
  text: string,
): { template: DeclaredTemplate } | { mistakes: string[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`;
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) return { mistakes: broken.map(({ pos, message }) => `${at(pos[0])}: ${message}`) };
  const mistakes: string[] = [];
  const value = plainValue(document, (message) => mistakes.push(`${name}:1:1: ${message}`));
  if (mistakes.length > 0) return { mistakes };
  const parsed = declaredTemplate.safeParse(value ?? {});
  if (parsed.success) return { template: parsed.data };
  const place = placesIn(name, lines, document);
  return { mistakes: parsed.error.issues.flatMap((issue) => describeIssue(issue, { value, place }, naming)) };
}

const naming: Naming = {
  fieldName: (path) => path.join("."),
  unknown: (path, key) => {
    const near = path.length === 0 ? closest(key, templateFields) : undefined;
    return near ? `There is no such field. Did you mean ${near}?` : "There is no such field.";
  },
};
