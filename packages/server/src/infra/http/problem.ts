import { errorCatalogue } from "@tenantry/contract";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { failure, harmless, isDiskFull, TenantryError } from "../../kernel/index.ts";
import { isConnectionFailure } from "../db/index.ts";

/** RFC 9457, with our `code`, `errors`, `remedy` and `requestId`; `extra` members stand beside them. */
export type Problem = Record<string, unknown> & {
  type: string;
  title: string;
  status: number;
  code: string;
  requestId: string;
};

export const problemType = "application/problem+json";

const longestText = 1_000;

/** Whoever wrote the texts may have put in what a client sent: no problem carries it on unescaped or at full length. */
export function problemOf(error: TenantryError, requestId: string): Problem {
  const { detail, errors, extra } = error.details;
  return {
    ...extra,
    type: `https://tenantry.dev/errors/${error.code}`,
    title: error.title,
    status: error.status,
    detail: detail && harmless(detail, longestText),
    code: error.code,
    errors: errors?.map(({ pointer, message }) => ({ pointer, message: harmless(message, longestText) })),
    remedy: error.remedy && harmless(error.remedy, longestText),
    requestId,
  };
}

/** The last stop of every error: known ones as they are, unknown ones as `internal`, their cause to the log alone. */
export function replyWithProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = thrown instanceof TenantryError ? thrown : fromFramework(thrown);
  if (error.status >= 500) {
    request.log.error({ code: error.code, err: error.cause ?? error }, "http.failed");
  }
  if (error.details.retryAfterSeconds !== undefined) {
    reply.header("retry-after", String(Math.ceil(error.details.retryAfterSeconds)));
  }
  if (error.code === "unauthenticated") reply.header("www-authenticate", 'Bearer realm="tenantry"');
  reply
    .code(error.status)
    .type(problemType)
    .header("cache-control", "no-store")
    // As bytes: Fastify adds a charset to text, and this media type knows none.
    .send(Buffer.from(JSON.stringify(problemOf(error, request.id))));
}

/** Fastify's own refusals and a registry that is away, in our words. */
function fromFramework(thrown: unknown): TenantryError {
  const { code, statusCode } = (thrown ?? {}) as Partial<FastifyError>;
  const options = { cause: thrown };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return failure("payload_too_large", {}, options);
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return failure("unsupported_media_type", {}, options);
  if (code === "FST_ERR_MAX_PARAM_LENGTH") return failure("not_found", {}, options);
  if (code?.startsWith("FST_ERR_") && statusCode !== undefined && statusCode < 500) {
    return failure("malformed_request", {}, options);
  }
  if (isConnectionFailure(thrown)) {
    return failure(
      "unavailable",
      { detail: "The registry can't be reached.", retryAfterSeconds: 2 },
      options,
    );
  }
  if (isDiskFull(thrown)) return failure("disk_full", {}, options);
  return failure("internal", {}, options);
}

/** The text of a whole HTTP/1.1 reply, for a request so broken that no route ever saw it. */
export function rawProblem(code: "malformed_request" | "headers_too_large" | "timed_out"): string {
  const { status, title } = errorCatalogue[code];
  const body = JSON.stringify({ type: `https://tenantry.dev/errors/${code}`, title, status, code });
  return [
    `HTTP/1.1 ${status} ${title}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
