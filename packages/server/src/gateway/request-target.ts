import { parseHost } from "./hostname.ts";

/**
 * The path and query to pass on, unchanged (an encoded slash stays one). A target in absolute form (RFC 9112 §3.2.2)
 * is accepted when it names the host of the Host header. Undefined for every other form.
 */
export function parseTarget(target: string, hostname: string): string | undefined {
  if (target.includes("#")) return undefined;
  if (target.charCodeAt(0) === slash) return target;
  const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(target);
  if (absolute === null || parseHost(absolute[1]!) !== hostname) return undefined;
  const rest = absolute[2]!;
  return rest.charCodeAt(0) === slash ? rest : `/${rest}`;
}

const slash = 47;

/** A part of a path that leads upwards, in every spelling that some server takes for one. */
const upwards = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:$|[/\\;]|%2f|%5c|%3b)/i;

/** Whether an upstream that resolves the path may end above where it begins: outside of what its URL names. */
export function mayClimb(path: string): boolean {
  const query = path.indexOf("?");
  return upwards.test(query === -1 ? path : path.slice(0, query));
}
