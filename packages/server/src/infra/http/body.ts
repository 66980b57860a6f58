import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { failure, invalidField } from "../../kernel/index.ts";
import type { Api, Request } from "./types.ts";
import { invalidRequest, pointerTo, type RequestPart } from "./validation.ts";

const deepest = 64;

/** Reads JSON bodies and no others. An empty one counts as none, since clients label those too. */
export function readJsonBodies(api: Api): void {
  api.removeAllContentTypeParsers();
  const parse = api.getDefaultJsonParser("error", "error");
  api.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, buffer, done) => {
    const bytes = buffer as Buffer;
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(failure("malformed_request", { detail: "The body isn't UTF-8." }));
    const text = bytes.toString("utf8");
    if (isTooDeep(text)) {
      return done(failure("malformed_request", { detail: `The body nests deeper than ${deepest} levels.` }));
    }
    // Through Fastify's own parser for its care about __proto__; its message would echo the input.
    const answer = (error: Error | null, value?: unknown): void =>
      error
        ? done(failure("malformed_request", { detail: "The body isn't valid JSON." }, { cause: error }))
        : done(null, value);
    void parse(request, text, answer);
  });
}

function isTooDeep(text: string): boolean {
  let level = 0;
  let inString = false;
  for (let position = 0; position < text.length; position += 1) {
    const character = text[position];
    if (inString) {
      if (character === "\\") position += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") {
      level += 1;
      if (level > deepest) return true;
    } else if (character === "}" || character === "]") level -= 1;
  }
  return false;
}

const nothing = z.strictObject({}).optional();

/** A route that takes no body refuses one that says something: it would be ignored. */
export async function refuseUnreadBody(request: Request): Promise<void> {
  // Bytes reach only a route that reads them.
  if (Buffer.isBuffer(request.body)) return;
  if (request.is404 || (request.routeOptions.schema?.body ?? undefined) !== undefined) return;
  const parsed = nothing.safeParse(request.body);
  if (!parsed.success) throw invalidRequest("body", parsed.error.issues);
}

/** No database can keep NUL or half a surrogate pair: refuse them everywhere, before any schema looks. */
export async function refuseUnstorableText(request: Request): Promise<void> {
  refuseIn("params", request.params, []);
  refuseIn("querystring", request.query, []);
  if (!Buffer.isBuffer(request.body)) refuseIn("body", request.body, []);
}

function refuseIn(part: RequestPart, value: unknown, path: PropertyKey[]): void {
  if (typeof value === "string") {
    if (!isStorable(value)) {
      throw invalidField(pointerTo(part, path), "This holds a character that can't be stored.");
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const next = [...path, key];
      if (!isStorable(key)) throw invalidField(pointerTo(part, next), "This name can't be stored.");
      refuseIn(part, inner, next);
    }
  }
}

function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}
