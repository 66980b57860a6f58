import type { JsonWebKeyWithId, RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";

/** What this process knows of the installation, as of the last snapshot. */
export type RuntimeState = {
  readonly cursor: string;
  readonly environments: ReadonlyMap<string, RuntimeEnvironment>;
  readonly keys: { keys: JsonWebKeyWithId[] };
  readonly audience: string;
  readonly issuer: string;
  readonly budgets: RuntimeSnapshot["budgets"];
  readonly globalCache?: RuntimeSnapshot["globalCache"];
  readonly jobKey: string;
};

/** Fetches one page; `undefined` asks from the beginning. */
export type FetchPage = (since: string | undefined) => Promise<RuntimeSnapshot>;

/**
 * Reads page after page from where `state` ends and answers with the state after the last one. News goes into the Map
 * that is there: with 100,000 environments a copy would hold everything up for 30 ms at each change. A full answer
 * makes a new one, which takes its place once it is complete: until then callers serve on from the old one.
 */
export async function catchUp(state: RuntimeState | undefined, fetchPage: FetchPage): Promise<RuntimeState> {
  let environments = (state?.environments ?? new Map()) as Map<string, RuntimeEnvironment>;
  let cursor = state?.cursor;
  for (;;) {
    const page = await fetchPage(cursor);
    if (page.full) environments = new Map();
    for (const environment of page.environments) environments.set(environment.id, environment);
    for (const id of page.removed) environments.delete(id);
    if (page.hasMore && page.cursor === cursor) throw new Error("The runtime snapshot doesn't move on.");
    cursor = page.cursor;
    if (!page.hasMore) {
      const { keys, audience, issuer, budgets, globalCache, jobKey } = page;
      return { cursor, environments, keys, audience, issuer, budgets, globalCache, jobKey };
    }
  }
}
