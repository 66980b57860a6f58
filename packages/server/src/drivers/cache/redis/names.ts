import { encodeUuid } from "../../../kernel/index.ts";

const form = /^tnk_([0-9a-z]{8})_([0-9a-z]{26})(?:_(\d{1,5}))?$/;

/**
 * What an environment's user is called, and what its keys and channels begin with: made from ids alone, so that it tells
 * nobody anything. The number of its database stands in it where that isn't 0.
 */
export function cacheName(installationId: string, environmentId: string, database = 0): string {
  const end = database === 0 ? "" : `_${database}`;
  return `${installationMark(installationId)}${encodeUuid(environmentId)}${end}`;
}

/** What the names of an installation's caches begin with: several may share a server. */
export function installationMark(installationId: string): string {
  // The end of an id is random, its beginning is the time.
  return `tnk_${encodeUuid(installationId).slice(-8)}_`;
}

/** The numbered database of a cache. Throws for a name that isn't one of ours, before anything is touched. */
export function databaseOf(name: string): number {
  const match = form.exec(name);
  if (!match) throw new Error(`${JSON.stringify(name)} isn't the name of a cache.`);
  return Number(match[3] ?? 0);
}

export const isCacheName = (name: string): boolean => form.test(name);
