import { readSigned } from "@tenantry/data";
import type { Log } from "./config.ts";
import type { RuntimeApi } from "./runtime/api.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";

/** Tells the installation when an address that was refused in an environment is good in another one. Never throws. */
export type TellForeignFile = (triedIn: string, request: { method: string; url: string }) => Promise<void>;

/** Looking for whose it is takes a signature for each environment: whoever invents addresses gets one look a second. */
const restMs = 1_000;

export function createForeignFiles(
  api: Pick<RuntimeApi, "foreignFile">,
  follower: Pick<RuntimeFollower, "state">,
  log: Log,
): TellForeignFile {
  let lookedAt = Number.NEGATIVE_INFINITY;

  function ownerOf(triedIn: string, { method, url }: { method: string; url: string }): string | undefined {
    for (const { id, storage } of follower.state()?.environments.values() ?? []) {
      if (id === triedIn || storage?.driver !== "fs" || !storage.signingKey) continue;
      if (readSigned(storage.signingKey, method, url)) return id;
    }
    return undefined;
  }

  return async (triedIn, request) => {
    if (performance.now() - lookedAt < restMs) return;
    lookedAt = performance.now();
    const owner = ownerOf(triedIn, request);
    if (owner === undefined) return;
    log.warn({ environmentId: triedIn, owner }, "file.used_elsewhere");
    try {
      await api.foreignFile(triedIn, owner);
    } catch (error) {
      log.warn({ environmentId: triedIn, owner, error: String(error) }, "file.use_elsewhere_not_told");
    }
  };
}
