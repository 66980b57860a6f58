import type { IncomingHttpHeaders } from "node:http";

/** The headers of a request, as node:http, Express and Fastify have them or as the Fetch API has them. */
export type RequestHeaders = Headers | IncomingHttpHeaders;

/** One header's value. One that was sent several times arrives joined by commas. */
export function headerOf(headers: RequestHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
