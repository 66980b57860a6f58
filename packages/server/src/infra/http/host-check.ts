import { isIP } from "node:net";
import { echo, failure } from "../../kernel/index.ts";
import type { Request } from "./types.ts";

/**
 * The private API answers under loopback names, IP addresses and the names it was given, so that a web page can't
 * reach it by pointing a name of its own at 127.0.0.1 (DNS rebinding). None or two Host headers are malformed (RFC 9112).
 */
export function createHostCheck(hosts: readonly string[]): (request: Request) => void {
  const known = new Set(["localhost", ...hosts.map((host) => host.toLowerCase())]);
  return (request) => {
    const { rawHeaders, headers } = request.raw;
    const count = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
    if (count !== 1)
      throw failure("malformed_request", { detail: `There are ${count} Host headers, not one.` });
    if (!request.raw.url?.startsWith("/") && request.raw.url !== "*") {
      throw failure("malformed_request", { detail: "Ask for a path, not for a whole URL." });
    }
    const host = headers.host ?? "";
    const name = hostname(host);
    if (isIP(name) === 0 && !known.has(name)) {
      throw failure("host_refused", { detail: `${echo(host)} isn't a name of this API.` });
    }
  };
}

/** `[::1]:8686` → `::1`, `LOCALHOST.:80` → `localhost`. */
function hostname(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*?)\.?)(?::\d*)?$/.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}
