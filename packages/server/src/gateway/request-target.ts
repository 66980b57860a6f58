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
