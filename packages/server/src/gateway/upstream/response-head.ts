import { UpstreamFailure } from "./failures.ts";

/** How the end of a response's body is told (RFC 9112 §6.3). */
export type Framing = "none" | "length" | "chunked" | "close";

export type ResponseHead = {
  status: number;
  /** Names and values for the client, flat: without hop-by-hop headers, framing, and what only the gateway may say. */
  passed: string[];
  framing: Framing;
  /** The value of Content-Length; -1 without one. */
  length: number;
  /** The value of Trailer, to be passed on only to a client that can get trailers. */
  trailer: string | undefined;
  /** Whether the connection serves another request afterwards. */
  keepAlive: boolean;
  /** How long the upstream keeps the connection open when idle; undefined when it doesn't say. */
  idleSeconds: number | undefined;
  upgrade: string | undefined;
};

/** One header line and all that may stand in it; folded lines, bare CR or LF and control characters match nowhere. */
const headerLines = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/**
 * Reads a head (from the status line to the CRLF of its last header) as strictly as RFC 9112 lets a gateway: whatever
 * could be read in two ways throws. `method` is the request's.
 */
export function parseResponseHead(text: string, method: string): ResponseHead {
  const lineEnd = text.indexOf("\r\n");
  const status = statusLine.exec(text.slice(0, lineEnd));
  const lines = text.slice(lineEnd + 2);
  if (status === null || !headerLines.test(lines)) throw new UpstreamFailure("broken_answer");
  const found = collect(lines);
  return frame(found, Number(status[2]), status[1] === "1", method);
}

type Collected = {
  passed: string[];
  length: string | undefined;
  coding: string | undefined;
  connection: string;
  keepAlive: string | undefined;
  trailer: string | undefined;
  upgrade: string | undefined;
};

function collect(lines: string): Collected {
  const found: Collected = {
    passed: [],
    length: undefined,
    coding: undefined,
    connection: "",
    keepAlive: undefined,
    trailer: undefined,
    upgrade: undefined,
  };
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf("\r\n", at);
    const colon = lines.indexOf(":", at);
    const name = lines.slice(at, colon);
    const value = withoutSpace(lines, colon + 1, end);
    at = end + 2;
    const rule = ruleOf(name);
    if (rule === "pass") found.passed.push(name, value);
    else if (rule !== "drop") note(found, rule, value);
  }
  return found;
}

/** Without the spaces and tabs around it, and with every other character: what `trim` takes away is more. */
function withoutSpace(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

function note(found: Collected, rule: Exclude<Rule, "pass" | "drop">, value: string): void {
  switch (rule) {
    case "connection":
      found.connection = found.connection === "" ? value : `${found.connection},${value}`;
      break;
    case "length":
    case "coding":
      if (found[rule] !== undefined) throw new UpstreamFailure("broken_answer");
      found[rule] = value;
      break;
    default:
      found[rule] = value;
  }
}

function frame(found: Collected, status: number, isCurrent: boolean, method: string): ResponseHead {
  const { passed, length, coding, connection } = found;
  if (length !== undefined && (coding !== undefined || !/^\d{1,15}$/.test(length))) {
    throw new UpstreamFailure("broken_answer");
  }
  if (coding !== undefined && (!isCurrent || coding.toLowerCase() !== "chunked")) {
    throw new UpstreamFailure("broken_answer");
  }
  const bodiless = status < 200 || status === 204 || status === 304;
  const framing = bodiless || method === "HEAD" ? "none" : framingOf(length, coding);
  if (length !== undefined && status >= 200 && status !== 204) passed.push("Content-Length", length);
  const named = tokensOf(connection);
  // A body that must not be there would be read as the next answer; so would one that follows an answer to HEAD.
  const misframed = bodiless && (coding !== undefined || Number(length ?? 0) > 0);
  return {
    status,
    passed: named === undefined ? passed : withoutNamed(passed, named),
    framing,
    length: length === undefined ? -1 : Number(length),
    trailer: found.trailer,
    keepAlive:
      (isCurrent ? !named?.has("close") : isKeepAlive(connection)) &&
      framing !== "close" &&
      method !== "HEAD" &&
      !misframed,
    idleSeconds: idleSecondsOf(found.keepAlive),
    upgrade: found.upgrade,
  };
}

function framingOf(length: string | undefined, coding: string | undefined): Framing {
  if (coding !== undefined) return "chunked";
  return length === undefined ? "close" : "length";
}

function isKeepAlive(connection: string): boolean {
  return connection.toLowerCase() === "keep-alive";
}

function idleSecondsOf(keepAlive: string | undefined): number | undefined {
  const seconds = /(?:^|,)\s*timeout=(\d{1,6})/i.exec(keepAlive ?? "")?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

type Rule = "pass" | "drop" | "length" | "coding" | "connection" | "keepAlive" | "trailer" | "upgrade";

const special: Readonly<Record<string, Rule>> = {
  "content-length": "length",
  "transfer-encoding": "coding",
  connection: "connection",
  "keep-alive": "keepAlive",
  trailer: "trailer",
  upgrade: "upgrade",
  te: "drop",
  "proxy-authenticate": "drop",
  "proxy-connection": "drop",
};

/** Rules by name, spelled as upstreams spell it. Bounded, since nothing else bounds what they make up. */
const rules = new Map<string, Rule>();
const maxRules = 2_000;

function ruleOf(name: string): Rule {
  const known = rules.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const rule = special[lower] ?? (lower.startsWith("tenantry-") ? "drop" : "pass");
  if (rules.size < maxRules) rules.set(name, rule);
  return rule;
}

/** What Connection names; undefined when that is nothing but keep-alive. */
function tokensOf(connection: string): Set<string> | undefined {
  if (connection === "" || connection === "keep-alive") return undefined;
  const tokens = connection.toLowerCase().split(",");
  return new Set(tokens.map((token) => token.trim()));
}

function withoutNamed(passed: string[], named: Set<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at < passed.length; at += 2) {
    const name = passed[at]!.toLowerCase();
    if (name === "content-length" || !named.has(name)) kept.push(passed[at]!, passed[at + 1]!);
  }
  return kept;
}

const forbiddenTrailers = new Set(["content-type", "content-encoding", "content-range", "set-cookie"]);

/** The trailers to pass on, in pairs: without framing and what only the gateway may say. */
export function parseTrailers(lines: string): [string, string][] {
  if (!headerLines.test(lines)) throw new UpstreamFailure("broken_answer");
  const { passed } = collect(lines);
  const pairs: [string, string][] = [];
  for (let at = 0; at < passed.length; at += 2) {
    if (!forbiddenTrailers.has(passed[at]!.toLowerCase())) pairs.push([passed[at]!, passed[at + 1]!]);
  }
  return pairs;
}
