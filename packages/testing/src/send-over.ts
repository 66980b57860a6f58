import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** `fetch`, but for the header Host, which `fetch` always makes from the address; redirects are answered as they are. */
export async function sendOver(address: URL, init: RequestInit): Promise<Response> {
  const { method, headers, body, signal } = new Request(address, init);
  const host = new Headers(init.headers).get("host");
  const options = { method, headers: { ...Object.fromEntries(headers), ...(host && { host }) }, signal };
  const sent = (address.protocol === "https:" ? https : http).request(address, options);
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("error", reject);
  });
  if (body) {
    // An application may answer before it has read everything; what counts then is its answer.
    pipeline(Readable.fromWeb(body), sent).catch(() => undefined);
  } else sent.end();
  return toResponse(await answer, method);
}

const statusesWithoutBody = new Set([204, 205, 304]);

function toResponse(message: IncomingMessage, method: string): Response {
  const status = message.statusCode!;
  const headers = new Headers();
  const { rawHeaders } = message;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  const hasBody = method !== "HEAD" && !statusesWithoutBody.has(status);
  if (!hasBody) message.resume();
  const body = hasBody ? (Readable.toWeb(message) as ReadableStream<Uint8Array>) : null;
  return new Response(body, { status, statusText: message.statusMessage, headers });
}
