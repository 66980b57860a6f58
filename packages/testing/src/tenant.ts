import type { TestKitChange, TestKitSession, TestKitUser } from "@tenantry/contract";
import {
  type Database,
  type Settings,
  type Storage,
  sessionCookie,
  type TenantCache,
  type TenantContext,
} from "@tenantry/sdk";
import { type TenantPool, tenantPool } from "@tenantry/sdk/pg";
import { heardOf } from "./heard.ts";
import type { Membership } from "./host-client.ts";

/** A tenant of one test, with the handles that its application has in production; they work outside of `run`, too. */
export type TestTenant = {
  readonly id: string;
  readonly slug: string;
  readonly environment: { readonly id: string; readonly name: string };
  /** The first of its hosts, such as `test-1f3a.localhost`. */
  readonly hostname: string;
  readonly db: Database;
  readonly storage: Storage;
  /** In this process's memory: another process of the application has a cache of its own. */
  readonly cache: TenantCache;
  readonly settings: Settings;
  /** A pool as of `pg` over its database. */
  readonly pool: TenantPool;
  /**
   * What an operator could change. Resolves when the kit's `tenantry` has heard of it; another one, as of an application in
   * a process of its own, does within milliseconds. Settings are replaced as a whole.
   */
  change(change: TestKitChange): Promise<void>;
  /**
   * A session of a user of the tenant, without a log-in: `auth.user(token)` finds it, and so does an application that
   * reads `cookie`. The user is made up of what is given, an editor when no role is; there are no others.
   */
  signIn(user?: TestKitUser): Promise<TestSession>;
  /** From then on it is unknown to the application. Repeatable; what it had is removed when there is nothing else to do. */
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** `cookie` is the value of the header, as browsers send it over http. */
export type TestSession = TestKitSession & { readonly cookie: string };

export function createTestTenant(membership: Membership, context: TenantContext): TestTenant {
  const { tenant, environment, db, storage, cache, settings } = context;
  const remove = () => membership.removeTenant(environment.id);
  return {
    id: tenant.id,
    slug: tenant.slug,
    environment: { id: environment.id, name: environment.name },
    hostname: environment.hostnames[0]!,
    ...{ db, storage, cache, settings },
    pool: tenantPool({ current: () => context }),
    async change(change) {
      await membership.changeTenant(environment.id, change);
      await heardOf(context, change);
    },
    async signIn(user = {}) {
      const session = await membership.openSession(environment.id, user);
      const [cookie = ""] = sessionCookie({ headers: {} }, session.token).split(";");
      return { ...session, cookie };
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
