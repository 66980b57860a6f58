import type { CreateUserRequest, UpdateUserRequest } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { failure, parseId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { findTenant, findTenantLocked } from "../tenants/index.ts";
import { hashPassword } from "./password-hash.ts";
import { requireGoodPassword } from "./passwords.ts";
import { addUser, type ChangeRules, changeUser, endSessionsOfUser, removeUser } from "./user-changes.ts";
import { countUsers, selectUser, selectUsers, type UserFilter, type UserRow } from "./users.sql.ts";

export type Users = ReturnType<typeof createUsers>;
type Deps = { db: Db; settings: Settings; log: Log };
/** `by` says who asks, for the log. Operators may leave a tenant without an admin: they can make a new one. */
type Manner = ChangeRules & { by: string };

/**
 * The users of a tenant, for whoever runs the installation or the tenant [IAM-2]. Tenants by id or slug, users by id
 * (`usr_…`).
 */
export function createUsers({ db, settings, log }: Deps) {
  const mustVerify = (tx: Tx) => settings.get<boolean>(tx, "requireEmailVerification");
  return {
    async list(tenant: string, filter: UserFilter): Promise<UserRow[]> {
      return selectUsers(db, (await findTenant(db, tenant)).id, filter);
    },

    async show(tenant: string, user: string): Promise<UserRow> {
      const { id } = await findTenant(db, tenant);
      return (await selectUser(db, id, uuidOf(user))) ?? notFound(user);
    },

    /** Throws `email_taken` and `user_limit_reached`. */
    async create(tenant: string, request: CreateUserRequest, by: string): Promise<UserRow> {
      const passwordHash = request.password
        ? await preparePassword(request.password, request.email, "/password", tenant)
        : null;
      const user = await inTransaction(db, async (tx) => {
        // The lock makes the count exact: two at once can't both take the last place.
        const { id: tenantId } = await findTenantLocked(tx, tenant);
        await requireRoom(tx, settings, tenantId);
        const { email, name = null, role, emailVerified = true } = request;
        return addUser(tx, { tenantId, email, name, role, passwordHash, emailVerified });
      });
      log.info({ tenantId: user.tenantId, userId: user.id, by }, "access.user_created");
      return user;
    },

    /**
     * Throws `email_taken`, and whatever its rules refuse. A new password, deactivation and an address that must be
     * proven end the sessions.
     */
    async update(
      tenant: string,
      user: string,
      request: UpdateUserRequest,
      { by, ...rules }: Manner,
    ): Promise<UserRow> {
      const { password, ...change } = request;
      const before = await this.show(tenant, user);
      const passwordHash =
        password === undefined
          ? undefined
          : await preparePassword(password, change.email ?? before.email, "/password", tenant);
      const given = { ...definedOf(change), passwordHash };
      const updated =
        (await inTransaction(db, async (tx) =>
          changeUser(tx, before, given, { ...rules, mustVerify: await mustVerify(tx) }),
        )) ?? notFound(user);
      log.info(
        { tenantId: updated.tenantId, userId: updated.id, fields: Object.keys(request), by },
        "access.user_changed",
      );
      return updated;
    },

    /** Sessions go with the user. */
    async remove(tenant: string, user: string, { by, ...rules }: Manner): Promise<void> {
      const found = await this.show(tenant, user);
      const removed = await inTransaction(db, async (tx) =>
        removeUser(tx, found, { ...rules, mustVerify: await mustVerify(tx) }),
      );
      if (!removed) notFound(user);
      log.info({ tenantId: found.tenantId, userId: found.id, by }, "access.user_deleted");
    },

    async endSessions(tenant: string, user: string, by: string): Promise<void> {
      const found = await this.show(tenant, user);
      const ended = await inTransaction(db, (tx) => endSessionsOfUser(tx, found));
      log.info({ tenantId: found.tenantId, userId: found.id, ended, by }, "access.sessions_ended");
    },
  };
}

/**
 * Checks a new password and hashes it; do this before the transaction, for it takes some 30 ms. Throws
 * `invalid_request` at `pointer`. `whose`: the tenant that asks, by any of its names.
 */
export async function preparePassword(
  password: string,
  email: string,
  pointer: string,
  whose?: string,
): Promise<string> {
  requireGoodPassword(password, email, pointer);
  return hashPassword(password, whose);
}

/** Throws `user_limit_reached` when the tenant, which the caller has locked, has as many users as it may. */
export async function requireRoom(tx: Tx, settings: Settings, tenantId: string): Promise<void> {
  const limit = await settings.get<number>(tx, "maxUsers", { tenantId });
  if ((await countUsers(tx, tenantId)) >= limit) throw limitReached(limit);
}

function limitReached(limit: number) {
  return failure("user_limit_reached", { detail: `The tenant may have ${limit} users, and has them.` });
}

function uuidOf(user: string): string {
  return parseId("usr", user) ?? notFound(user);
}

function notFound(user: string): never {
  throw failure("user_not_found", { detail: `The tenant has no user "${user.slice(0, 60)}".` });
}

function definedOf(change: Omit<UpdateUserRequest, "password">): Omit<UpdateUserRequest, "password"> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
