import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Request } from "./http2/request.ts";
import type { Http2Response } from "./http2/response.ts";

/** A request, and the way back to who sent it: Node's own for HTTP/1.1, a stand-in of the same form for HTTP/2. */
export type ClientRequest = IncomingMessage | Http2Request;
export type ClientResponse = ServerResponse | Http2Response;

/** Whether the client understands interim answers and trailers: HTTP/1.0 knows neither. */
export function isModern(request: ClientRequest): boolean {
  return request.httpVersionMinor === 1 || request.httpVersionMajor === 2;
}
