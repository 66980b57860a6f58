import { wrongUsage } from "../problem.ts";

/**
 * A path of the API. What is filled in stays one segment, whatever it holds; what can't be one is wrong usage.
 *
 * @example path`/v1/tenants/${tenant}/users/${user}`
 */
export function path(parts: TemplateStringsArray, ...filledIn: readonly string[]): string {
  return parts.map((part, index) => (index === 0 ? part : segment(filledIn[index - 1]!) + part)).join("");
}

function segment(text: string): string {
  // Dots would be resolved away, and nothing leaves a gap: the request would reach something else.
  if (text === "." || text === ".." || text === "" || !text.isWellFormed()) {
    throw wrongUsage(`${JSON.stringify(text)} can't be the name or id of anything.`);
  }
  return encodeURIComponent(text);
}
