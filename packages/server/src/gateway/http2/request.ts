import { randomBytes } from "node:crypto";
import { type IncomingHttpHeaders, METHODS } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/** A request that came as a stream of HTTP/2, in the form that one of HTTP/1.1 has. */
export class Http2Request {
  readonly httpVersionMajor = 2;
  readonly httpVersionMinor = 0;
  readonly method: string;
  readonly url: string;
  /** As HTTP/1.1 would have sent them: `host` for the authority, one `cookie`, chunks for a body of unknown length. */
  readonly rawHeaders: string[];
  /** Why it can't be passed on, in a sentence for its sender. */
  readonly mistake: string | undefined;
  /** What `maxHeaderBytes` limits. */
  readonly headerBytes: number;
  readonly socket: Socket;
  readonly body: ServerHttp2Stream;
  /** With which a WebSocket is asked for further on; undefined for every other request. */
  readonly webSocketKey: string | undefined;
  /** The stream has become a WebSocket: there is no end of a request to wait for. */
  isTunnel = false;

  constructor(stream: ServerHttp2Stream, raw: readonly string[], socket: Socket) {
    const translated = translate(raw, stream.endAfterHeaders);
    this.method = translated.method;
    this.url = translated.path;
    this.rawHeaders = translated.headers;
    this.mistake = translated.mistake;
    this.headerBytes = translated.bytes;
    this.webSocketKey = translated.webSocketKey;
    this.socket = socket;
    this.body = stream;
  }

  get complete(): boolean {
    return this.isTunnel || this.body.endAfterHeaders || this.body.readableEnded;
  }

  get headers(): IncomingHttpHeaders {
    const byName: IncomingHttpHeaders = {};
    for (let at = 0; at < this.rawHeaders.length; at += 2) {
      byName[this.rawHeaders[at]!] = this.rawHeaders[at + 1]!;
    }
    return byName;
  }
}

type Translated = {
  method: string;
  path: string;
  headers: string[];
  mistake: string | undefined;
  bytes: number;
  webSocketKey: string | undefined;
};

const methods = new Set(METHODS);
/** Methods of which a request without a body is expected to say so (RFC 9110 §8.6). */
const withBody = new Set(["POST", "PUT", "PATCH"]);

/**
 * nghttp2 has refused by now what RFC 9113 §8.2 and §8.3 call malformed: capitals in names, headers of the connection,
 * pseudo-headers that lack, come twice or late. What it lets pass is judged here: these texts go out as HTTP/1.1.
 */
function translate(raw: readonly string[], isComplete: boolean): Translated {
  const pseudo: Partial<Record<string, string>> = {};
  const headers: string[] = [];
  let host: string | undefined;
  let cookie: string | undefined;
  let hasLength = false;
  let isClean = true;
  let bytes = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    bytes += name.length + value.length + 4;
    if (!isHeaderText(value)) isClean = false;
    if (name.charCodeAt(0) === colon) pseudo[name] = value;
    else if (name === "sec-websocket-key") continue;
    else if (name === "host") host = host === undefined ? value : `${host}, ${value}`;
    // Clients send each cookie by itself, so that it compresses well (RFC 9113 §8.2.3).
    else if (name === "cookie") cookie = cookie === undefined ? value : `${cookie}; ${value}`;
    else {
      if (name === "content-length") hasLength = true;
      headers.push(name, value);
    }
  }
  const webSocketKey = isWebSocket(pseudo) ? randomBytes(16).toString("base64") : undefined;
  // Further on it is asked for as in HTTP/1.1, which a stream lacks the key for (RFC 8441 §5).
  if (webSocketKey !== undefined) {
    Object.assign(pseudo, { ":method": "GET" });
    headers.push("sec-websocket-key", webSocketKey);
  }
  const { ":method": method = "", ":authority": authority = host } = pseudo;
  // CONNECT has none, and is refused as what it is.
  const path = method === "CONNECT" ? "/" : (pseudo[":path"] ?? "");
  if (authority !== undefined) headers.push("host", authority);
  if (cookie !== undefined) headers.push("cookie", cookie);
  if (!isComplete && !hasLength && webSocketKey === undefined) headers.push("transfer-encoding", "chunked");
  if (isComplete && !hasLength && withBody.has(method)) headers.push("content-length", "0");
  const mistake = isClean ? mistakeOf(pseudo, host) : "A header holds a character that none may hold.";
  if (webSocketKey !== undefined && hasLength)
    return { method, path, headers, mistake: "A WebSocket has no length.", bytes, webSocketKey };
  return { method, path, headers, mistake, bytes, webSocketKey };
}

/** nghttp2 lets `:protocol` pass with CONNECT alone, and then asks for scheme, path and authority as well. */
const isWebSocket = (pseudo: Partial<Record<string, string>>): boolean =>
  pseudo[":method"] === "CONNECT" && pseudo[":protocol"] === "websocket";

function mistakeOf(pseudo: Partial<Record<string, string>>, host: string | undefined): string | undefined {
  const { ":method": method = "", ":path": path = "", ":authority": authority, ":scheme": scheme } = pseudo;
  if (!methods.has(method)) return "The method isn't known.";
  if (method === "CONNECT") return undefined;
  if (scheme !== "http" && scheme !== "https") return "The scheme is neither http nor https.";
  if (!/^\/[\x21-\x7e]*$/.test(path)) return "The request's target is no path on this host.";
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return "The Host header names another host than :authority.";
  }
  return undefined;
}

const colon = 58;

/** RFC 9110 §5.5, and nothing beyond one byte a character: that would turn into something else on the way out. */
function isHeaderText(value: string): boolean {
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false;
  }
  return true;
}
