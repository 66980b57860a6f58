import type { RouteOptions } from "fastify";
import { z } from "zod";

/**
 * Refuses a route at boot that forgot what every route owes: a permission, a name and a sentence for the
 * documentation, and bodies and queries that refuse what they don't know.
 */
export function requireRouteRules(route: RouteOptions): void {
  const name = `${String(route.method)} ${route.url}`;
  const owes = (what: string) => new Error(`Route ${name} ${what}`);
  if (route.config?.permission === undefined) {
    throw owes('declares no permission: add `config: { permission: "…" }`.');
  }
  const schema = (route.schema ?? {}) as RouteSchema;
  if (!route.url.startsWith("/v1/")) return;
  if (!schema.operationId) throw owes("has no `schema.operationId`.");
  if (!schema.summary) throw owes("has no `schema.summary`.");
  if (!schema.tags?.length) throw owes("has no `schema.tags`.");
  for (const part of ["body", "querystring"] as const) {
    const lax = schema[part] && findLaxObject(schema[part]);
    if (lax !== undefined) throw owes(`accepts unknown fields in its ${part}${lax}: use z.strictObject.`);
  }
}

type RouteSchema = {
  operationId?: string;
  summary?: string;
  tags?: readonly string[];
  body?: z.ZodType;
  querystring?: z.ZodType;
};

type JsonSchema = { [key: string]: unknown };

/** Where in a schema an object stands that silently drops what it doesn't know; undefined when nowhere. */
function findLaxObject(schema: z.ZodType): string | undefined {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", cycles: "ref" }) as JsonSchema;
  return walk(json, "");
}

function walk(node: unknown, path: string): string | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const schema = node as JsonSchema;
  if (schema.properties && schema.additionalProperties === undefined) return path;
  for (const [key, inner] of Object.entries(schema)) {
    if (key === "properties" || Array.isArray(inner)) {
      for (const [name, child] of Object.entries(inner as object)) {
        const found = walk(child, key === "properties" ? `${path}/${name}` : path);
        if (found !== undefined) return found;
      }
    } else {
      const found = walk(inner, path);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
