import { Resolver } from "node:dns/promises";
import type { DnsLookup, Looked } from "./driver.ts";

/** Aliases of aliases: as many as resolvers follow. */
const longestChain = 8;

/** NODATA, NXDOMAIN. Everything else means that nobody could say. */
const none = new Set(["ENODATA", "ENOTFOUND"]);

const reasons: Record<string, string> = {
  ETIMEOUT: "it didn't answer in time",
  ECONNREFUSED: "it can't be reached",
  ESERVFAIL: "it answered SERVFAIL: the domain's own servers are away, or its signatures are wrong",
  EREFUSED: "it refused the question",
  EBADRESP: "its answer can't be read",
  EFORMERR: "it didn't understand the question",
  ENOTIMP: "it can't answer such questions",
};

/**
 * Looks names up at `servers` (`address` or `address:port`), or at those of the machine. Each question gets
 * `timeoutMs` at most, whatever number of servers there is.
 */
export function createDnsLookup({
  servers,
  timeoutMs = 5_000,
}: {
  servers: readonly string[];
  timeoutMs?: number;
}): DnsLookup {
  async function ask<Answer>(question: (resolver: Resolver) => Promise<Answer>): Promise<Answer> {
    // One each: to cancel one question would end all of a resolver's.
    const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 4), tries: 2 });
    if (servers.length > 0) resolver.setServers(servers);
    const timer = setTimeout(() => resolver.cancel(), timeoutMs);
    try {
      return await question(resolver);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async txt(name) {
      try {
        const records = await ask((resolver) => resolver.resolveTxt(name));
        return found(records.map((strings) => strings.join("")));
      } catch (error) {
        return failed(error);
      }
    },
    async aliases(name) {
      const chain: string[] = [];
      for (let at = name; chain.length < longestChain; ) {
        try {
          const [next] = await ask((resolver) => resolver.resolveCname(at));
          if (next === undefined) break;
          at = next.toLowerCase().replace(/\.$/, "");
        } catch (error) {
          const answer = failed(error);
          // What is known of the chain is known, wherever it leads from there.
          if (answer.kind === "none" || chain.length > 0) break;
          return answer;
        }
        if (at === name || chain.includes(at)) break;
        chain.push(at);
      }
      return found(chain);
    },
  };
}

function found(values: string[]): Looked {
  return values.length === 0 ? { kind: "none" } : { kind: "found", values };
}

function failed(error: unknown): Looked {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (none.has(code)) return { kind: "none" };
  return { kind: "unavailable", reason: reasons[code] ?? (code === "ECANCELLED" ? reasons.ETIMEOUT! : code) };
}
