import { readFileSync } from "node:fs";

type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
};
type Content = Record<string, { schema: Schema }>;
type Operation = { operationId: string; responses: Record<string, { content?: Content }> };
type Description = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

const description = JSON.parse(
  readFileSync(new URL("../../../contract/openapi.json", import.meta.url), "utf8"),
) as Description;

/** The operation that a request is for, by the committed description of the API. */
export function operationOf(method: string, url: string): Operation | undefined {
  const { pathname } = new URL(url, "http://host");
  const candidates = Object.entries(description.paths).filter(([path]) => matches(path, pathname));
  // /v1/events/stream before /v1/events/{event}
  candidates.sort(([one], [other]) => one.split("{").length - other.split("{").length);
  return candidates[0]?.[1][method.toLowerCase()];
}

function matches(path: string, pathname: string): boolean {
  const pattern = path.replace(/\{[^}]+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(pathname);
}

/** A reply as the description has it when all goes well and nobody waits, with its status; what it holds is made up. */
export function sampleReply({ responses }: Operation): { status: number; body: unknown } {
  const status = ["202", "200", "201", "204"].find((code) => responses[code])!;
  const schema = responses[status]!.content?.["application/json"]?.schema;
  return { status: Number(status), body: schema === undefined ? undefined : sample(schema) };
}

function sample(schema: Schema): unknown {
  if (schema.$ref) return sample(description.components.schemas[schema.$ref.split("/").at(-1)!]!);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return sample(schema.anyOf[0]!);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map(sample));
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object") {
    const entries = Object.entries(schema.properties ?? {}).map(([name, one]) => [
      name,
      sampleField(name, one),
    ]);
    return Object.fromEntries(entries);
  }
  if (type === "array") return [sample(schema.items!)];
  if (type === "string") return schema.format === "date-time" ? "2026-01-01T00:00:00.000Z" : "text";
  if (type === "boolean") return true;
  return type === "number" || type === "integer" ? 1 : null;
}

/** Moments are plain strings in some replies; pages end. */
function sampleField(name: string, schema: Schema): unknown {
  if (name === "nextCursor") return null;
  return /At$/.test(name) ? "2026-01-01T00:00:00.000Z" : sample(schema);
}
