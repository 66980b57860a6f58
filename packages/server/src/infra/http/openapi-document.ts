import { type Permission, permissionCatalogue } from "@tenantry/contract";
import type { FastifyContextConfig } from "fastify";
import { problemType } from "./problem.ts";

type Operation = {
  responses?: Record<string, unknown>;
  parameters?: unknown[];
  [key: string]: unknown;
};
export type Document = { paths?: Record<string, Record<string, Operation>>; [key: string]: unknown };

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

const writing = new Set(["post", "put", "patch", "delete"]);
const forgetfulMark = "x-forgetful";

/** Says what a route needs, in the words of the permissions' catalogue. */
export function withSecurity(schema: object, config: FastifyContextConfig = {}): object {
  const { permission, forgetful } = config;
  if (permission === undefined || permission === "public") return { ...schema, security: [] };
  const needs = `Needs the permission \`${permission}\`: ${permissionCatalogue[permission satisfies Permission]}`;
  const { description } = schema as { description?: string };
  return {
    ...schema,
    description: description ? `${description}\n\n${needs}` : needs,
    security: [{ key: [] }],
    "x-permission": permission,
    ...(forgetful && { [forgetfulMark]: true }),
  };
}

/** Adds to every operation what all share: problems and headers. Paths are sorted, so that a diff shows changes alone. */
export function completeDocument(document: Document): Document {
  const paths = Object.entries(document.paths ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [, operations] of paths) {
    for (const [method, operation] of Object.entries(operations)) complete(method, operation);
  }
  return { ...document, paths: Object.fromEntries(paths) };
}

function complete(method: string, operation: Operation): void {
  const headers = [
    writing.has(method) && !operation[forgetfulMark] && "IdempotencyKey",
    operation.responses?.["202"] !== undefined && "Prefer",
    method === "patch" && "IfMatch",
  ].filter((name) => name !== false);
  delete operation[forgetfulMark];
  if (headers.length > 0) {
    const references = headers.map((name) => ({ $ref: `#/components/parameters/${name}` }));
    operation.parameters = [...(operation.parameters ?? []), ...references];
  }
  const content = { [problemType]: { schema: { $ref: "#/components/schemas/Problem" } } };
  const description = "A problem, with its code and what to do about it.";
  operation.responses = { ...operation.responses, default: { description, content } };
}
