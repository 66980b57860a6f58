import type { UserReply } from "@tenantry/contract";
import type { Look } from "../output/look.ts";
import { at, fields, state } from "../output/table.ts";

export function showUser(user: UserReply, look: Look): string {
  return fields(look, [
    ["User", user.id],
    ["E-mail", user.email],
    ["Name", user.name],
    ["Role", user.role],
    ["Status", state(user.status)],
    ["E-mail verified", at(user.emailVerifiedAt)],
    ["Last log-in", at(user.lastLoginAt)],
    ["Created", at(user.createdAt)],
  ]);
}
