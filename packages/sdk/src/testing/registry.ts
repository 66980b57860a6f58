import type { JsonWebKeyWithId, RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";

export const audience = "app_of_the_test";
const jobKey = Buffer.alloc(32, 7).toString("base64");
export const issuer = "https://tenantry.test";

/** What the test's installation knows: environments with versions, tombstones, sessions. */
export type Registry = {
  readonly sessions: Map<string, { environmentId: string; email: string }>;
  /** Environments a page of the snapshot holds at most. */
  pageSize: number;
  budgets: RuntimeSnapshot["budgets"];
  globalCache?: RuntimeSnapshot["globalCache"];
  get(id: string): RuntimeEnvironment;
  put(environment: RuntimeEnvironment): void;
  /** Changes it without a word to the watchers. */
  putQuietly(environment: RuntimeEnvironment): void;
  remove(id: string): void;
  /** Tells the watchers that something changed. */
  moved(): void;
  /** Tells the version now and whenever it moves, until the returned function is called. */
  watch(hear: (version: number) => void): () => void;
  page(since: string | null): RuntimeSnapshot;
};

type Row = { version: number; environment: RuntimeEnvironment };

export function testRegistry(publicKey: () => JsonWebKeyWithId): Registry {
  let version = 1;
  const rows = new Map<string, Row>();
  const tombstones: { version: number; id: string }[] = [];
  const watchers = new Set<(version: number) => void>();
  const registry: Registry = {
    sessions: new Map(),
    pageSize: 1000,
    budgets: [],
    get: (id) => rows.get(id)!.environment,
    put(environment) {
      rows.set(environment.id, { version: version + 1, environment });
      registry.moved();
    },
    putQuietly(environment) {
      version += 1;
      rows.set(environment.id, { version, environment });
    },
    remove(id) {
      rows.delete(id);
      tombstones.push({ version: version + 1, id });
      registry.moved();
    },
    moved() {
      version += 1;
      for (const hear of watchers) hear(version);
    },
    watch(hear) {
      watchers.add(hear);
      hear(version);
      return () => watchers.delete(hear);
    },
    page(since) {
      const [fromVersion, fromId] = readCursor(since);
      const isNewer = (row: Row) =>
        row.version > fromVersion || (row.version === fromVersion && row.environment.id > fromId);
      const waiting = [...rows.values()].filter(isNewer).sort((left, right) => left.version - right.version);
      const page = waiting.slice(0, registry.pageSize);
      const hasMore = waiting.length > page.length;
      const last = page.at(-1);
      return {
        cursor: hasMore ? `${last!.version}.${last!.environment.id}` : `${version}.`,
        hasMore,
        full: since === null,
        environments: page.map((row) => row.environment),
        removed: tombstones.filter((stone) => stone.version > fromVersion).map((stone) => stone.id),
        keys: { keys: [publicKey()] },
        audience,
        issuer,
        budgets: registry.budgets,
        ...(registry.globalCache && { globalCache: registry.globalCache }),
        jobKey,
      };
    },
  };
  return registry;
}

function readCursor(since: string | null): [version: number, id: string] {
  const [version = "0", id = ""] = (since ?? "").split(".");
  return [Number(version), id];
}

let count = 0;

export function exampleEnvironment(slug: string): RuntimeEnvironment {
  count += 1;
  const suffix = String(count).padStart(26, "0");
  return {
    id: `env_${suffix}`,
    name: "production",
    status: "ready",
    tenantId: `tnt_${suffix}`,
    tenantSlug: slug,
    tenantName: `The ${slug} company`,
    tenantStatus: "active",
    timezone: "UTC",
    language: "en",
    hostnames: [`${slug}.localhost`],
    settings: { colour: "green" },
  };
}
