import type { UserRole, UserStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type UserRow = {
  id: string;
  tenantId: string;
  email: string;
  name: string | null;
  role: UserRole;
  status: UserStatus;
  /** When the address was proven or vouched for; null when it wasn't. */
  emailVerifiedAt: Date | null;
  lastLoginAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};

const columns = sql`
  id, tenant_id as "tenantId", email, name, role, status, email_verified_at as "emailVerifiedAt",
  last_login_at as "lastLoginAt", created_at as "createdAt", updated_at as "updatedAt"
`;

export type NewUserRow = Pick<UserRow, "id" | "tenantId" | "email" | "name" | "role"> & {
  passwordHash: string | null;
  emailVerified: boolean;
  /** By a visitor of the application, not by somebody who looks after users. */
  selfRegistered?: boolean;
};

/** The unique index on (tenant, lower(email)) decides between two of one address. */
export async function insertUser(tx: Tx, user: NewUserRow): Promise<UserRow> {
  const { rows } = await sql<UserRow>`
    insert into users (id, tenant_id, email, name, role, password_hash, email_verified_at, self_registered)
    values (${user.id}, ${user.tenantId}, ${user.email}, ${user.name}, ${user.role}, ${user.passwordHash},
      case when ${user.emailVerified} then now() end, ${user.selfRegistered ?? false})
    returning ${columns}
  `.execute(tx);
  return rows[0]!;
}

export async function selectUser(db: Db | Tx, tenantId: string, id: string): Promise<UserRow | undefined> {
  const { rows } = await sql<UserRow>`
    select ${columns} from users where tenant_id = ${tenantId} and id = ${id}
  `.execute(db);
  return rows[0];
}

/** Locks the row until the transaction ends. */
export async function lockUser(tx: Tx, tenantId: string, id: string): Promise<UserRow | undefined> {
  const { rows } = await sql<UserRow>`
    select ${columns} from users where tenant_id = ${tenantId} and id = ${id} for update
  `.execute(tx);
  return rows[0];
}

export type UserFilter = { search?: string | undefined; limit: number; after?: string | undefined };

/** Oldest first. One more than `limit` comes back when there is a next page. */
export async function selectUsers(db: Db, tenantId: string, filter: UserFilter): Promise<UserRow[]> {
  const pattern = filter.search && `%${filter.search.replace(/[\\%_]/g, "\\$&")}%`;
  const { rows } = await sql<UserRow>`
    select ${columns} from users
    where tenant_id = ${tenantId}
      and (${pattern ?? null}::text is null or email ilike ${pattern ?? null} or name ilike ${pattern ?? null})
      and (${filter.after ?? null}::uuid is null or id > ${filter.after ?? null}::uuid)
    order by id limit ${filter.limit + 1}
  `.execute(db);
  return rows;
}

export async function countUsers(tx: Tx, tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from users where tenant_id = ${tenantId}
  `.execute(tx);
  return rows[0]!.count;
}

export async function updateUser(
  tx: Tx,
  user: Pick<UserRow, "id" | "email" | "name" | "role" | "status" | "emailVerifiedAt"> & {
    passwordHash: string | undefined;
  },
): Promise<UserRow> {
  const { rows } = await sql<UserRow>`
    update users set email = ${user.email}, name = ${user.name}, role = ${user.role}, status = ${user.status},
      email_verified_at = ${user.emailVerifiedAt}, self_registered = false,
      password_hash = coalesce(${user.passwordHash ?? null}, password_hash), updated_at = clock_timestamp()
    where id = ${user.id}
    returning ${columns}
  `.execute(tx);
  return rows[0]!;
}

/** The address is proven. */
export async function markVerified(tx: Tx, id: string, at: Date): Promise<void> {
  await sql`update users set email_verified_at = ${at}, updated_at = clock_timestamp() where id = ${id}`.execute(
    tx,
  );
}

/**
 * Somebody registers again with an address that nobody has proven: what they say now counts. False when the user isn't
 * one who registered, or was touched by somebody, or has logged in, or has proven the address.
 */
export async function replaceRegistration(
  tx: Tx,
  { id, name, passwordHash }: Pick<NewUserRow, "id" | "name" | "passwordHash">,
): Promise<boolean> {
  const { rows } = await sql`
    update users set name = ${name}, password_hash = ${passwordHash}, updated_at = clock_timestamp()
    where id = ${id} and self_registered and email_verified_at is null and last_login_at is null
      and status = 'active'
    returning id
  `.execute(tx);
  return rows.length === 1;
}

/** Those who registered, and neither proved their address nor logged in for `days`; at most `limit`. */
export async function selectAbandoned(
  tx: Tx,
  { days, limit }: { days: number; limit: number },
): Promise<Pick<UserRow, "id" | "tenantId">[]> {
  const { rows } = await sql<Pick<UserRow, "id" | "tenantId">>`
    select id, tenant_id as "tenantId" from users
    where self_registered and email_verified_at is null and last_login_at is null
      and created_at < now() - ${days} * interval '1 day'
    order by created_at limit ${limit} for update skip locked
  `.execute(tx);
  return rows;
}

export async function deleteUserRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from users where id = ${id}`.execute(tx);
}

/** Those who can log in and have the tenant's highest role, without this user. */
export async function countOtherAdmins(
  tx: Tx,
  { tenantId, id }: Pick<UserRow, "tenantId" | "id">,
  { mustVerify }: { mustVerify: boolean },
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from users
    where tenant_id = ${tenantId} and id <> ${id} and role = 'admin' and status = 'active'
      and password_hash is not null and (email_verified_at is not null or not ${mustVerify}::boolean)
  `.execute(tx);
  return rows[0]!.count;
}

export type UserWithPassword = UserRow & { passwordHash: string | null };

export async function selectUserByEmail(
  db: Db | Tx,
  tenantId: string,
  email: string,
): Promise<UserWithPassword | undefined> {
  const { rows } = await sql<UserWithPassword>`
    select ${columns}, password_hash as "passwordHash" from users
    where tenant_id = ${tenantId} and lower(email) = lower(${email})
  `.execute(db);
  return rows[0];
}

/** Replaces a hash by one of the same password; nothing happens when the password was changed meanwhile. */
export async function replacePasswordHash(db: Db, id: string, known: string, next: string): Promise<void> {
  await sql`update users set password_hash = ${next} where id = ${id} and password_hash = ${known}`.execute(
    db,
  );
}

/** Gives a tenant users like another's: under ids of their own, with their passwords and what was proven, without their sessions. */
export async function copyUserRows(
  tx: Tx,
  to: string,
  users: readonly { id: string; like: string }[],
): Promise<void> {
  await sql`
    insert into users (id, tenant_id, email, name, role, password_hash, status, email_verified_at, self_registered)
    select copied.id, ${to}, u.email, u.name, u.role, u.password_hash, u.status, u.email_verified_at,
      u.self_registered
    from unnest(${users.map(({ id }) => id)}::uuid[], ${users.map(({ like }) => like)}::uuid[]) copied (id, old)
    join users u on u.id = copied.old
  `.execute(tx);
}

export async function selectUserIds(tx: Tx, tenantId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from users where tenant_id = ${tenantId} order by id
  `.execute(tx);
  return rows.map(({ id }) => id);
}

export async function deleteUsersOfTenant(tx: Tx, tenantId: string): Promise<void> {
  await sql`delete from users where tenant_id = ${tenantId}`.execute(tx);
}
