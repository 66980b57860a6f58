import type { UserReply } from "@tenantry/contract";
import { z } from "zod";
import { decodeCursor, etagOf, pageQuery, toPage } from "../../infra/http/index.ts";
import { showId } from "../../kernel/index.ts";
import type { UserFilter, UserRow } from "./users.sql.ts";

/** The query of a list of users. */
export const userListQuery = pageQuery.extend({
  search: z.string().max(200).optional().describe("Part of address or name."),
});

export function readUserFilter(query: z.output<typeof userListQuery>): UserFilter {
  const { limit, cursor, search } = query;
  return { limit, search, after: decodeCursor(cursor, z.tuple([z.uuid()]))?.[0] };
}

/** One page of `rows`, which were fetched by a filter of `readUserFilter`. */
export function showUsers(rows: readonly UserRow[], limit: number) {
  return toPage(rows, limit, (row) => [row.id], showUser);
}

export function showUser(user: UserRow): UserReply {
  return {
    id: showId("usr", user.id),
    email: user.email,
    name: user.name,
    role: user.role,
    status: user.status,
    emailVerifiedAt: user.emailVerifiedAt?.toISOString() ?? null,
    lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
  };
}

/** Changes with every change of the user. */
export function userRevision(user: UserRow): number {
  return user.updatedAt.getTime();
}

export function userTag(user: UserRow): string {
  return etagOf(userRevision(user));
}
