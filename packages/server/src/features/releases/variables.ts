import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { isOlderNodePresent } from "../../infra/nodes/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { lockPlainReleases, type ReleaseRow, updateVariables } from "./releases.sql.ts";

/** How a release's variables stand in the registry. */
export type StoredVariables = Pick<ReleaseRow, "plainVariables" | "variablesSecret">;

/** The registry's schema from which on nodes can read sealed variables. */
const sealedSince = 4;

const contextOf = (releaseId: string): string => `release_variables:${releaseId}`;

/** The variables of a release, as its processes get them. */
export function openVariables(
  secrets: Secrets,
  release: StoredVariables & { id: string },
): Record<string, string> {
  if (release.variablesSecret === null) return release.plainVariables;
  return JSON.parse(secrets.open(release.variablesSecret, contextOf(release.id)).toString("utf8"));
}

/** Puts a release's variables under the master key; only while a node is there that couldn't read them, as they are. */
export async function storeVariables(
  tx: Tx,
  secrets: Secrets,
  release: { id: string; variables: Record<string, string> },
): Promise<StoredVariables> {
  if (await isOlderNodePresent(tx, sealedSince))
    return { plainVariables: release.variables, variablesSecret: null };
  return { plainVariables: {}, variablesSecret: seal(secrets, release.id, release.variables) };
}

/** Seals what stands there as it is, from versions before this one. Any number of nodes may call it, again and again. */
export async function sealPlainVariables({ db, secrets }: { db: Db; secrets: Secrets }): Promise<number> {
  return inTransaction(db, async (tx) => {
    if (await isOlderNodePresent(tx, sealedSince)) return 0;
    const releases = await lockPlainReleases(tx);
    for (const { id, plainVariables } of releases) {
      await updateVariables(tx, id, {
        plainVariables: {},
        variablesSecret: seal(secrets, id, plainVariables),
      });
    }
    return releases.length;
  });
}

function seal(secrets: Secrets, releaseId: string, variables: Record<string, string>): Buffer {
  return secrets.seal(JSON.stringify(variables), contextOf(releaseId));
}
