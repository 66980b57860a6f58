import { type Permission, permissionCatalogue } from "@tenantry/contract";
import type { FastifyContextConfig } from "fastify";
import { problemType } from "./problem.ts";

type Operation = {
  responses?: Record<string, { description?: string; [key: string]: unknown }>;
  parameters?: unknown[];
  [key: string]: unknown;
};
export type Document = {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, object>; [key: string]: unknown };
  [key: string]: unknown;
};

/** Headers that routes share; each operation refers to those it heeds. */
export const sharedParameters = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description: "Makes the request happen once: for 24 hours a repetition gets the first one's reply.",
    schema: { type: "string", minLength: 1, maxLength: 255 },
  },
  Prefer: {
    name: "Prefer",
    in: "header",
    description: "`wait=30` waits up to that many seconds (60 at most) for the operation's end.",
    schema: { type: "string" },
    example: "wait=30",
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: "The ETag you read: the change is refused with 412 when it isn't the newest any more.",
    schema: { type: "string" },
  },
} as const;

/** What the routes are grouped by. */
export const tags = [
  { name: "tenants", description: "The customers that the installation serves, each with its environments." },
  { name: "templates", description: "What new tenants are made from: configuration and starter data." },
  { name: "users", description: "The people who log in at a tenant's site." },
  { name: "settings", description: "Limits and defaults: of the installation, and of a tenant." },
  { name: "apps", description: "The applications that tenants run, and their releases." },
  { name: "operations", description: "Durable work: what is done, step by step." },
  { name: "events", description: "What happened, in order, as CloudEvents." },
  { name: "servers", description: "Database servers that tenants' databases stand on." },
  { name: "isolation", description: "Whether tenants are kept apart: verifications, and what they found." },
  { name: "keys", description: "API keys of operators and applications." },
  { name: "domains", description: "Hostnames that tenants have of their own." },
  { name: "certificates", description: "How tenants' hosts prove who they are over HTTPS." },
  { name: "runtime", description: "What an application's SDK asks, by the application's key." },
];

const writing = new Set(["post", "put", "patch", "delete"]);

/** Says what a route needs, in the words of the permissions' catalogue. */
export function withSecurity(schema: object, config: FastifyContextConfig = {}): object {
  const { permission } = config;
  if (permission === undefined || permission === "public") return { ...schema, security: [] };
  const needs = `Needs the permission \`${permission}\`: ${permissionCatalogue[permission satisfies Permission]}`;
  const { description } = schema as { description?: string };
  return {
    ...schema,
    description: description ? `${description}\n\n${needs}` : needs,
    security: [{ key: [] }],
    "x-permission": permission,
  };
}

/** Adds to every operation what all share: problems and headers. Paths are sorted, so that a diff shows changes alone. */
export function completeDocument(document: Document): Document {
  const paths = Object.entries(document.paths ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [, operations] of paths) {
    for (const [method, operation] of Object.entries(operations)) complete(method, operation);
  }
  return withUsedSchemas({ ...document, paths: Object.fromEntries(paths) });
}

/** Leaves out schemas that no operation refers to, directly or through another one. */
function withUsedSchemas(document: Document): Document {
  const { components = {}, ...rest } = document;
  const { schemas = {}, ...others } = components;
  const used = new Set<string>();
  const visit = (text: string) => {
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name!)) continue;
      used.add(name!);
      visit(JSON.stringify(schemas[name!]));
    }
  };
  visit(JSON.stringify(rest));
  const kept = Object.entries(schemas).filter(([name]) => used.has(name));
  kept.sort(([one], [other]) => (one < other ? -1 : 1));
  return { ...rest, components: { ...others, schemas: Object.fromEntries(kept) } };
}

/** What the documentation plugin writes where a route says nothing. */
const undeclared = "Default Response";
const meanings: Record<string, string> = {
  200: "Done.",
  201: "Made.",
  202: "Begun: `Location` says where to follow the operation.",
  204: "Done; there is nothing to show.",
};

function complete(method: string, operation: Operation): void {
  const headers = [
    writing.has(method) && "IdempotencyKey",
    operation.responses?.["202"] !== undefined && "Prefer",
    method === "patch" && "IfMatch",
  ].filter((name) => name !== false);
  if (headers.length > 0) {
    const references = headers.map((name) => ({ $ref: `#/components/parameters/${name}` }));
    operation.parameters = [...(operation.parameters ?? []), ...references];
  }
  const content = { [problemType]: { schema: { $ref: "#/components/schemas/Problem" } } };
  const description = "A problem, with its code and what to do about it.";
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if (response.description === undeclared) response.description = meanings[status] ?? "Done.";
  }
  operation.responses = { ...operation.responses, default: { description, content } };
}
