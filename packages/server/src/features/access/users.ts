import type { CreateUserRequest, UpdateUserRequest } from "@tenantry/contract";
import { type Db, inTransaction, isUniqueViolation, type Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { failure, newId, parseId } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { findTenant, findTenantLocked } from "../tenants/index.ts";
import { hashPassword } from "./password-hash.ts";
import { requireGoodPassword } from "./passwords.ts";
import { deleteSessionsOfUser } from "./sessions.sql.ts";
import {
  countUsers,
  deleteUserRow,
  insertUser,
  lockUser,
  type NewUserRow,
  selectUser,
  selectUsers,
  type UserFilter,
  type UserRow,
  updateUser,
} from "./users.sql.ts";

export type Users = ReturnType<typeof createUsers>;
type Deps = { db: Db; settings: Settings; log: Log };

/**
 * The users of a tenant, for whoever runs the installation or the tenant [IAM-2]. Tenants by id or slug, users by id
 * (`usr_…`); `by` says who asks, for the log.
 */
export function createUsers({ db, settings, log }: Deps) {
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
        ? await preparePassword(request.password, request.email, "/password")
        : null;
      const user = await inTransaction(db, async (tx) => {
        // The lock makes the count exact: two at once can't both take the last place.
        const { id: tenantId } = await findTenantLocked(tx, tenant);
        const limit = await settings.get<number>(tx, "maxUsers", { tenantId });
        if ((await countUsers(tx, tenantId)) >= limit) throw limitReached(limit);
        const { email, name = null, role } = request;
        return addUser(tx, { tenantId, email, name, role, passwordHash });
      });
      log.info({ tenantId: user.tenantId, userId: user.id, by }, "access.user_created");
      return user;
    },

    /** `inspect` sees the row as it is, locked, and may refuse. A new password and deactivation end the sessions. */
    async update(
      tenant: string,
      user: string,
      change: UpdateUserRequest,
      { by, inspect = () => undefined }: { by: string; inspect?: (row: UserRow) => void },
    ): Promise<UserRow> {
      const before = await this.show(tenant, user);
      const passwordHash = change.password
        ? await preparePassword(change.password, change.email ?? before.email, "/password")
        : undefined;
      const updated = await inTransaction(db, async (tx) => {
        const row = (await lockUser(tx, before.tenantId, before.id)) ?? notFound(user);
        inspect(row);
        const next = { ...row, ...definedOf(change), passwordHash };
        if (passwordHash !== undefined || next.status === "deactivated")
          await deleteSessionsOfUser(tx, row.id);
        return updateUser(tx, next).catch((error: unknown) => refuseTaken(error, next.email));
      });
      log.info(
        { tenantId: updated.tenantId, userId: updated.id, fields: Object.keys(change), by },
        "access.user_changed",
      );
      return updated;
    },

    /** Sessions go with the user. */
    async remove(tenant: string, user: string, by: string): Promise<void> {
      const { id } = await findTenant(db, tenant);
      const userId = uuidOf(user);
      if (!(await inTransaction(db, (tx) => deleteUserRow(tx, id, userId)))) notFound(user);
      log.info({ tenantId: id, userId, by }, "access.user_deleted");
    },

    async endSessions(tenant: string, user: string, by: string): Promise<void> {
      const { tenantId, id } = await this.show(tenant, user);
      const ended = await inTransaction(db, (tx) => deleteSessionsOfUser(tx, id));
      log.info({ tenantId, userId: id, ended, by }, "access.sessions_ended");
    },
  };
}

/**
 * Checks a new password and hashes it; do this before the transaction, for it takes some 30 ms. Throws
 * `invalid_request` at `pointer`.
 */
export async function preparePassword(password: string, email: string, pointer: string): Promise<string> {
  requireGoodPassword(password, email, pointer);
  return hashPassword(password);
}

/** Adds a user in the caller's transaction, with a hash from `preparePassword`. Throws `email_taken`. */
export async function addUser(tx: Tx, user: Omit<NewUserRow, "id">): Promise<UserRow> {
  return insertUser(tx, { id: newId(), ...user }).catch((error: unknown) => refuseTaken(error, user.email));
}

function refuseTaken(error: unknown, email: string): never {
  if (!isUniqueViolation(error, "users_email")) throw error;
  const detail = `The tenant has a user with the address ${email} already.`;
  throw failure(
    "email_taken",
    { detail, errors: [{ pointer: "/email", message: detail }] },
    { cause: error },
  );
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

function definedOf({ password: _, ...change }: UpdateUserRequest): Omit<Partial<UserRow>, "id"> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
