import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type ErrorCode, errorCatalogue, tenantHeaders } from "@tenantry/contract";
import { problemOf, problemType } from "../infra/http/problem.ts";
import { failure } from "../kernel/index.ts";
import type { GatewayParts } from "./parts.ts";

/**
 * Answers what the parser refused: 400, 408 or 431 where no answer has begun yet, and in every case the connection is
 * closed, since nobody knows where the next request would begin (RFC 9112 §2.2, §11.2).
 */
export function handleBrokenRequest(
  parts: GatewayParts,
  error: Error & { code?: string; reason?: string },
  socket: Socket & { _httpMessage?: ServerResponse | null },
): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  // Node keeps the answer under way here, and its own handler looks at it too: there is no public way.
  if (socket._httpMessage?.headersSent) {
    // What was answered so far may be the refusal of this very request: it goes out, and nothing after it.
    socket.destroySoon();
    return;
  }
  const code = codeOf(error.code);
  parts.counters.refusals[code] = (parts.counters.refusals[code] ?? 0) + 1;
  const requestId = crypto.randomUUID();
  const detail = code === "invalid_http" ? `${error.reason ?? "It isn't HTTP/1.1"}.` : undefined;
  const { status } = errorCatalogue[code];
  const body = JSON.stringify(problemOf(failure(code, { detail }), requestId));
  const head = [
    `HTTP/1.1 ${status} ${phrases[status]}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    `${tenantHeaders.requestId}: ${requestId}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

const phrases: Record<number, string> = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

function codeOf(code: string | undefined): ErrorCode {
  if (code === "HPE_HEADER_OVERFLOW") return "headers_too_large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "timed_out";
  return "invalid_http";
}
