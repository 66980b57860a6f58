import type { UserReply, UserRole, UserStatus, Verification } from "@tenantry/contract";
import type { RuntimeApi } from "./runtime/api.ts";

export type User = UserReply;
/** The admin vouches for the address, unless `emailVerified` is false. */
export type NewUser = {
  email: string;
  password?: string;
  name?: string;
  role?: UserRole;
  emailVerified?: boolean;
};
export type UserChange = Partial<{
  email: string;
  emailVerified: boolean;
  password: string;
  name: string | null;
  role: UserRole;
  status: UserStatus;
}>;

/**
 * The tenant's users in the hands of one of its admins. Throws `TenantryError` with the API's code: `forbidden` for a
 * user who is no admin, `session_invalid`, `email_taken`, `user_limit_reached`, `last_admin`, `user_not_found`, and
 * `invalid_request` with the fields in `errors`.
 */
export type UserAdministration = {
  /** 50 at a time when `limit` is left out; `search` looks at address and name. */
  list(page?: {
    search?: string;
    limit?: number;
    cursor?: string;
  }): Promise<{ items: User[]; nextCursor: string | null }>;
  show(id: string): Promise<User>;
  create(user: NewUser): Promise<User>;
  /**
   * A new password and deactivation end the user's sessions; so does another address, which must be proven anew, unless
   * `emailVerified` says that the admin vouches for it, or the installation doesn't ask for proofs. Nobody changes their own role, status or password here
   * (`auth.changePassword` does), nor takes the last active admin's.
   */
  update(id: string, change: UserChange): Promise<User>;
  /** Nobody deletes themself. */
  remove(id: string): Promise<void>;
  endSessions(id: string): Promise<void>;
  /**
   * What the user proves their address with, as `auth.verification` makes it. Throws `TenantryError` with the code
   * `email_verified` where nothing is to be proven.
   */
  verification(id: string): Promise<Verification>;
};

/** `send` puts the admin's session to a request and makes refusals errors of this package. */
export function createUserAdministration(
  send: (request: Omit<Parameters<RuntimeApi["users"]>[1], "session">) => Promise<unknown>,
): UserAdministration {
  const pathOf = (id: string) => `/${encodeURIComponent(id)}`;
  return {
    async list(page = {}) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(page)) {
        if (value !== undefined) query.set(name, String(value));
      }
      const answer = await send({ method: "GET", path: `?${query}` });
      return answer as { items: User[]; nextCursor: string | null };
    },
    show: async (id) => (await send({ method: "GET", path: pathOf(id) })) as User,
    create: async (user) => (await send({ method: "POST", path: "", body: user })) as User,
    update: async (id, change) => (await send({ method: "PATCH", path: pathOf(id), body: change })) as User,
    async remove(id) {
      await send({ method: "DELETE", path: pathOf(id) });
    },
    verification: async (id) =>
      (await send({ method: "POST", path: `${pathOf(id)}/verification` })) as Verification,
    async endSessions(id) {
      await send({ method: "DELETE", path: `${pathOf(id)}/sessions` });
    },
  };
}
