import { isTenantryError, type TenantryError } from "@tenantry/sdk";
import type { Notice } from "../admin/notice.ts";
import { noAddress, type UserMistake } from "./user-form.ts";

/** What a form that comes back says: mistakes to mend in its fields, or why it can't be saved as it is. */
export type Refused = { status: 409 | 422; mistakes?: readonly UserMistake[]; notice?: Notice };

/** Why the API refused to save a user. Throws what no form can mend. */
export function refusedUser(error: unknown, limit: number): Refused {
  if (!isTenantryError(error)) throw error;
  switch (error.code) {
    case "email_taken":
      return { status: 422, mistakes: [{ field: "email", message: "Another user has this address." }] };
    case "user_limit_reached":
      return { status: 409, notice: full(limit) };
    case "last_admin":
      return { status: 409, notice: lastAdmin };
    case "invalid_request":
      return { status: 422, mistakes: mistakesOf(error) };
    default:
      throw error;
  }
}

const lastAdmin: Notice = {
  tone: "bad",
  title: "Nothing was changed: this site would have no admin left",
  text: "Make another user an admin first.",
};

function full(limit: number): Notice {
  return {
    tone: "bad",
    title: `This site may have ${limit} ${limit === 1 ? "user" : "users"}, and has them all`,
    text: "Delete a user who isn’t needed any more, in another tab, then create this one; or ask whoever runs this service for more.",
  };
}

/** The fields that the API named; throws when it named one that the form doesn't have. */
function mistakesOf(error: TenantryError): UserMistake[] {
  return error.errors.map(({ pointer, message }): UserMistake => {
    if (pointer === "/email") return { field: "email", message: noAddress };
    if (pointer === "/name")
      return { field: "name", message: "This name can’t be used. Write it differently." };
    if (pointer === "/password") return { field: "password", message };
    throw error;
  });
}
