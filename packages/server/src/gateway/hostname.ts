import { isIPv6 } from "node:net";

/**
 * The hostname in a Host header: lower case, without port and without the dot at its end. Undefined when the header is
 * none (RFC 9110 §7.2): user information, spaces, letters that are not ASCII, empty labels, a port that is no number.
 */
export function parseHost(host: string): string | undefined {
  const end = host.charCodeAt(0) === openBracket ? host.indexOf("]") + 1 : nameEnd(host);
  if (end <= 0 || !isPort(host, end)) return undefined;
  if (host.charCodeAt(0) === openBracket) {
    return isIPv6(host.slice(1, end - 1)) ? host.slice(0, end).toLowerCase() : undefined;
  }
  return parseName(host, end);
}

const dot = 46;
const colon = 58;
const openBracket = 91;

function nameEnd(host: string): number {
  const port = host.indexOf(":");
  return port === -1 ? host.length : port;
}

function isPort(host: string, start: number): boolean {
  if (start === host.length) return true;
  if (host.charCodeAt(start) !== colon || host.length - start > 6) return false;
  for (let at = start + 1; at < host.length; at += 1) {
    const code = host.charCodeAt(at);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** Reads `host` up to `end` as a name of labels, in one pass. */
function parseName(host: string, end: number): string | undefined {
  let hasCapitals = false;
  let labelLength = 0;
  for (let at = 0; at < end; at += 1) {
    const code = host.charCodeAt(at);
    if (code === dot) {
      if (labelLength === 0 || labelLength > 63) return undefined;
      labelLength = 0;
      continue;
    }
    if (!isNameCharacter(code)) return undefined;
    if (code >= 65 && code <= 90) hasCapitals = true;
    labelLength += 1;
  }
  const last = labelLength === 0 ? end - 1 : end;
  if (labelLength > 63 || last > 253) return undefined;
  const name = last === host.length ? host : host.slice(0, last);
  return hasCapitals ? name.toLowerCase() : name;
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 48 && code <= 57) ||
    code === 45 ||
    (code >= 65 && code <= 90) ||
    code === 95
  );
}
