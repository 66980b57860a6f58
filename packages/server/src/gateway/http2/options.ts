import type { ServerSessionOptions } from "node:http2";
import type { GatewayLimits } from "../limits.ts";

/** How much of bodies a client may send ahead of what applications take. */
export const windowBytes = { stream: 256 * 1024, connection: 1024 * 1024 };

/** What a client may do to us on one connection. */
export function optionsOf(limits: GatewayLimits): ServerSessionOptions {
  return {
    settings: {
      maxConcurrentStreams: 128,
      // WebSockets as streams (RFC 8441): without it browsers open a connection of HTTP/1.1 for each.
      enableConnectProtocol: true,
      initialWindowSize: windowBytes.stream,
      // Beyond the limit of a request's headers, so that a larger one gets 431 rather than a stream that ends.
      maxHeaderListSize: 2 * limits.maxHeaderBytes,
    },
    // Each cookie is a pair by itself.
    maxHeaderListPairs: 500,
    maxSettings: 32,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // Megabytes.
    maxSessionMemory: 16,
    // Rapid reset (CVE-2023-44487): a browser that leaves a page resets what the page was loading, and no more.
    streamResetBurst: 500,
    streamResetRate: 50,
    // Applications' headers are passed on as they are, in HTTP/1.1 as well.
    strictSingleValueFields: false,
  };
}
