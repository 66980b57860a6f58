import { randomBytes } from "node:crypto";
import type { RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";
import type { Ground } from "./grounds.ts";
import type { Place } from "./level.ts";
import { createSessions, type Sessions } from "./sessions.ts";

/** One run of tests, with the tenants that it has now: to it, the host is an installation of its own. */
export type Member = {
  readonly id: string;
  readonly appKey: string;
  readonly ground: Ground;
  readonly sessions: Sessions;
  get(environmentId: string): Tenant | undefined;
  put(tenant: Tenant): void;
  /** Takes an environment away; undefined when it isn't there. */
  remove(environmentId: string): Tenant | undefined;
  removeAll(): Tenant[];
  /** What a process of the application has to know, from a cursor on. */
  snapshot(question: { since: string | undefined; processId: string | undefined }): MemberSnapshot;
  /** Calls back at each change, until the returned function is called. */
  watch(changed: () => void): () => void;
  /** How many tenants there are. */
  size(): number;
  /** Processes that asked within the last half minute. */
  processes(): number;
};

export type Tenant = { environment: RuntimeEnvironment; place: Place; storageName: string };

export type MemberSnapshot = Pick<
  RuntimeSnapshot,
  "cursor" | "hasMore" | "full" | "environments" | "removed"
>;

const forgottenAfterMs = 30_000;

export function createMember(ground: Ground): Member {
  const tenants = new Map<string, Tenant & { version: number }>();
  const removed: { version: number; id: string }[] = [];
  const watchers = new Set<() => void>();
  const askedAt = new Map<string, number>();
  let version = 1;

  function moved(): void {
    for (const changed of watchers) changed();
  }

  function remove(id: string): Tenant | undefined {
    const tenant = tenants.get(id);
    if (!tenant) return undefined;
    tenants.delete(id);
    version += 1;
    removed.push({ version, id });
    moved();
    return tenant;
  }

  return {
    id: randomBytes(12).toString("hex"),
    appKey: `tk_${randomBytes(24).toString("base64url")}`,
    ground,
    sessions: createSessions(),
    get: (id) => tenants.get(id),
    put(tenant) {
      version += 1;
      tenants.set(tenant.environment.id, { ...tenant, version });
      moved();
    },
    remove,
    removeAll: () => [...tenants.keys()].map((id) => remove(id)!),
    snapshot({ since, processId }) {
      if (processId !== undefined) askedAt.set(processId, performance.now());
      const from = Number(since ?? -1);
      const full = !Number.isInteger(from) || from < 0 || from > version;
      const after = full ? -1 : from;
      return {
        cursor: String(version),
        hasMore: false,
        full,
        environments: [...tenants.values()]
          .filter((tenant) => tenant.version > after)
          .map(({ environment }) => environment),
        removed: full ? [] : removed.filter((stone) => stone.version > after).map(({ id }) => id),
      };
    },
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    size: () => tenants.size,
    processes() {
      for (const [id, at] of askedAt) if (performance.now() - at > forgottenAfterMs) askedAt.delete(id);
      return askedAt.size;
    },
  };
}
