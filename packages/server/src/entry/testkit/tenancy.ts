import type { DatabaseLevel, RuntimeStorage, TestKitChange, TestKitTenant } from "@tenantry/contract";
import type { StorageDriver } from "../../drivers/storage/index.ts";
import { failure } from "../../kernel/index.ts";
import { workContext } from "./context.ts";
import { changedEnvironment, newEnvironment } from "./environment.ts";
import type { Grounds } from "./grounds.ts";
import { createMember, type Member, type Tenant } from "./members.ts";
import type { Removals } from "./removals.ts";

export type Wanted = TestKitTenant & { level: DatabaseLevel };

/** Who tests here, and which tenants they have. */
export type Tenancy = {
  /** Throws what is wrong with the migrations, or with the level. */
  join(
    wanted: { migrations: { name: string; sql: string }[]; level: DatabaseLevel },
    signal: AbortSignal,
  ): Promise<Member>;
  /** Ends a membership, with all its tenants. Repeatable. */
  leave(member: Member): void;
  byKey(appKey: string | undefined): Member | undefined;
  byId(id: string): Member | undefined;
  add(member: Member, wanted: Wanted): Promise<string>;
  change(member: Member, environmentId: string, change: TestKitChange): void;
  /** Repeatable. */
  remove(member: Member, environmentId: string): void;
  members(): Member[];
};

export function createTenancy(options: {
  grounds: Grounds;
  files: StorageDriver;
  removals: Removals;
  signal: AbortSignal;
}): Tenancy {
  const { grounds, files, removals, signal: closing } = options;
  const members = new Map<string, { member: Member; release(): void }>();
  const byKey = new Map<string, Member>();

  function discard({ place, storageName }: Tenant): void {
    removals.add(async () => {
      await place.discard();
      await files.remove(workContext(closing), storageName);
    }, place.mostWaiting);
  }

  return {
    async join({ migrations, level }, signal) {
      const { ground, release } = grounds.hold(migrations);
      try {
        await ground.prepare(level);
        signal.throwIfAborted();
      } catch (error) {
        release();
        throw error;
      }
      const member = createMember(ground);
      members.set(member.id, { member, release });
      byKey.set(member.appKey, member);
      return member;
    },
    leave(member) {
      const known = members.get(member.id);
      if (!known) return;
      members.delete(member.id);
      byKey.delete(member.appKey);
      for (const tenant of member.removeAll()) discard(tenant);
      known.release();
      if (members.size === 0) removals.quiet();
    },
    byKey: (appKey) => byKey.get(appKey ?? ""),
    byId: (id) => members.get(id)?.member,
    async add(member, wanted) {
      const place = await removals.during(() => member.ground.take(wanted.level));
      const storageName = files.nameFor(place.environmentId, "prefix");
      await files.provision(workContext(closing), storageName, place.environmentId);
      const storage: RuntimeStorage = { ...files.location(storageName), generation: 1 };
      const environment = newEnvironment(wanted, place, storage);
      const tenant = { environment, place, storageName };
      // Whoever asked may be gone by now.
      if (members.has(member.id)) member.put(tenant);
      else discard(tenant);
      return environment.id;
    },
    change(member, environmentId, change) {
      const tenant = member.get(environmentId);
      if (!tenant) throw failure("environment_not_found");
      member.put({ ...tenant, environment: changedEnvironment(tenant.environment, change) });
    },
    remove(member, environmentId) {
      const tenant = member.remove(environmentId);
      if (tenant) discard(tenant);
    },
    members: () => [...byKey.values()],
  };
}
