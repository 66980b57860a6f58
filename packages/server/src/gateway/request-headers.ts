import { parseHost } from "./hostname.ts";

/** What a request's headers say, and what of them goes on to the upstream. */
export type RequestHeaders = {
  /** Why the request can't be passed on, in a sentence for its sender; undefined when it can. */
  mistake: string | undefined;
  /** As sent; empty when there is no Host header. */
  host: string;
  /** As it stands in the route table. */
  hostname: string;
  /** Names and values for the upstream, flat: without framing, hop-by-hop headers and everything that is ours to say. */
  passed: string[];
  /** Content-Length was sent, be it as 0. */
  hasLength: boolean;
  contentLength: number;
  chunked: boolean;
  /** In lower case; empty when none is asked for. */
  upgrade: string;
  accept: string;
  acceptsTrailers: boolean;
  /** What is said of the hops before: to be believed from a trusted proxy alone. */
  forwardedFor: string;
  forwardedProto: string;
  /** How many gateways of this kind it has come through (CDN-Loop, RFC 8586). */
  hops: number;
};

/** What a gateway writes into CDN-Loop. */
export const loopToken = "tenantry-gateway";

/** Sorts a request's headers in one pass over the raw list. */
export function readRequestHeaders(raw: readonly string[]): RequestHeaders {
  const headers: RequestHeaders = {
    mistake: undefined,
    host: "",
    hostname: "",
    passed: [],
    hasLength: false,
    contentLength: 0,
    chunked: false,
    upgrade: "",
    accept: "",
    acceptsTrailers: false,
    forwardedFor: "",
    forwardedProto: "",
    hops: 0,
  };
  let connection = "";
  let hosts = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    switch (ruleOf(name)) {
      case "pass":
        headers.passed.push(name, value);
        break;
      case "drop":
        break;
      case "host":
        hosts += 1;
        headers.host = value;
        break;
      case "connection":
        connection = connection === "" ? value : `${connection},${value}`;
        break;
      default:
        takeNote(headers, name, value);
    }
  }
  if (connection !== "" && !usualConnections.has(connection)) {
    headers.passed = withoutNamed(headers.passed, connection);
  }
  if (hosts !== 1)
    headers.mistake = hosts === 0 ? "The Host header is missing." : "There are two Host headers.";
  else readHost(headers);
  return headers;
}

function readHost(headers: RequestHeaders): void {
  const hostname = parseHost(headers.host);
  if (hostname === undefined) headers.mistake = "The Host header names no valid host.";
  else headers.hostname = hostname;
}

function takeNote(headers: RequestHeaders, name: string, value: string): void {
  switch (ruleOf(name)) {
    case "accept":
      headers.accept = value;
      headers.passed.push(name, value);
      break;
    case "content-length":
      headers.hasLength = true;
      headers.contentLength = Number(value);
      break;
    case "transfer-encoding":
      // Any other coding would have to be passed on as it is, and that is what requests are smuggled with.
      if (value.toLowerCase() !== "chunked" || headers.chunked) {
        headers.mistake = "The only Transfer-Encoding understood here is chunked.";
      }
      headers.chunked = true;
      break;
    case "upgrade":
      headers.upgrade = value.toLowerCase();
      break;
    case "te":
      headers.acceptsTrailers = /(^|[\s,])trailers($|[\s,;])/i.test(value);
      break;
    case "x-forwarded-for":
      headers.forwardedFor = headers.forwardedFor === "" ? value : `${headers.forwardedFor}, ${value}`;
      break;
    case "x-forwarded-proto":
      headers.forwardedProto = value;
      break;
    case "cdn-loop":
      headers.hops += value.split(loopToken).length - 1;
      headers.passed.push(name, value);
      break;
  }
}

type Rule =
  | "pass"
  | "drop"
  | "host"
  | "connection"
  | "accept"
  | "content-length"
  | "transfer-encoding"
  | "upgrade"
  | "te"
  | "x-forwarded-for"
  | "x-forwarded-proto"
  | "cdn-loop";

const special: Readonly<Record<string, Rule>> = {
  host: "host",
  connection: "connection",
  accept: "accept",
  "content-length": "content-length",
  "transfer-encoding": "transfer-encoding",
  upgrade: "upgrade",
  te: "te",
  "x-forwarded-for": "x-forwarded-for",
  "x-forwarded-proto": "x-forwarded-proto",
  "cdn-loop": "cdn-loop",
  // The gateway answers 100-continue itself.
  expect: "drop",
  "keep-alive": "drop",
  "proxy-authenticate": "drop",
  "proxy-authorization": "drop",
  "proxy-connection": "drop",
  trailer: "drop",
  forwarded: "drop",
  // As HTTP_PROXY it would tell CGI programs through whom to send what they send (CVE-2016-5385).
  proxy: "drop",
  "x-real-ip": "drop",
  "http2-settings": "drop",
};

/** Rules by name, spelled as clients spell it. Bounded, since clients make up names. */
const rules = new Map<string, Rule>();
const maxRules = 2_000;

function ruleOf(name: string): Rule {
  const known = rules.get(name);
  if (known !== undefined) return known;
  const rule = judge(name);
  if (rules.size < maxRules) rules.set(name, rule);
  return rule;
}

function judge(name: string): Rule {
  const lower = name.toLowerCase();
  // Upstreams that turn names into variables (CGI, WSGI, PHP) read Tenantry_Token and Tenantry-Token alike.
  const plain = lower.replaceAll(/[^a-z0-9]/g, "-");
  if (plain.startsWith("tenantry-") || plain === "tenantry") return "drop";
  const rule = special[plain] ?? (plain.startsWith("x-forwarded-") ? "drop" : "pass");
  return lower === plain || rule === "pass" || rule === "accept" ? rule : "drop";
}

const usualConnections = new Set(["keep-alive", "Keep-Alive", "close", "Upgrade", "upgrade"]);

/** Without the headers that Connection names as meant for this hop alone. */
function withoutNamed(passed: string[], connection: string): string[] {
  const named = new Set(
    connection
      .toLowerCase()
      .split(",")
      .map((token) => token.trim()),
  );
  const kept: string[] = [];
  for (let at = 0; at < passed.length; at += 2) {
    if (!named.has(passed[at]!.toLowerCase())) kept.push(passed[at]!, passed[at + 1]!);
  }
  return kept;
}
