import type { IncomingHttpHeaders } from "node:http";

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Names and values for the client, flat, from what the upstream answered: without hop-by-hop headers and those that
 * Connection names, and without what only the gateway may say.
 */
export function passedResponseHeaders(
  headers: IncomingHttpHeaders,
  keep: { contentLength: boolean; trailer: boolean },
): string[] {
  const named = namedBy(headers.connection);
  const passed: string[] = [];
  for (const name in headers) {
    if (hopByHop.has(name) || name.startsWith("tenantry-") || named?.has(name)) continue;
    if (name === "content-length" && !keep.contentLength) continue;
    if (name === "trailer" && !keep.trailer) continue;
    const value = headers[name];
    if (typeof value === "string") passed.push(name, value);
    else for (const one of value ?? []) passed.push(name, one);
  }
  return passed;
}

function namedBy(connection: string | string[] | undefined): Set<string> | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  const tokens = String(connection).toLowerCase().split(",");
  return new Set(tokens.map((token) => token.trim()));
}

/** The trailers to pass on; undefined when there are none. Framing and what only the gateway may say are left out. */
export function trailersOf(trailers: IncomingHttpHeaders): [string, string][] | undefined {
  let passed: [string, string][] | undefined;
  for (const name in trailers) {
    if (hopByHop.has(name) || forbiddenTrailers.has(name) || name.startsWith("tenantry-")) continue;
    passed ??= [];
    for (const value of [trailers[name]].flat()) passed.push([name, value ?? ""]);
  }
  return passed;
}

const forbiddenTrailers = new Set([
  "content-length",
  "content-type",
  "content-encoding",
  "trailer",
  "set-cookie",
]);
