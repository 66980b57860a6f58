import { randomBytes } from "node:crypto";
import type { RuntimeUser, TestKitSession, TestKitUser } from "@tenantry/contract";
import { failure, newId, showId } from "../../kernel/index.ts";

/** Sessions of a member's tenants, given without a log-in: there are no users beside them. */
export type Sessions = {
  open(environmentId: string, user: TestKitUser): TestKitSession;
  /** Whose it is. Throws `session_invalid` for one of another environment, or none. */
  find(environmentId: string, token: string): { user: RuntimeUser; expiresAt: string };
  /** Throws `session_invalid` where there is none to close. */
  close(environmentId: string, token: string): void;
};

const lastsMs = 14 * 86_400_000;

export function createSessions(): Sessions {
  const sessions = new Map<string, { environmentId: string; user: RuntimeUser; expiresAt: string }>();

  const find: Sessions["find"] = (environmentId, token) => {
    const session = sessions.get(token);
    if (session?.environmentId !== environmentId) throw failure("session_invalid");
    return { user: session.user, expiresAt: session.expiresAt };
  };

  return {
    find,
    open(environmentId, { email, name, role = "editor" }) {
      const id = showId("usr", newId());
      const user = { id, email: email ?? `${role}-${id.slice(-6)}@example.com`, name: name ?? null, role };
      const token = randomBytes(32).toString("base64url");
      const expiresAt = new Date(Date.now() + lastsMs).toISOString();
      sessions.set(token, { environmentId, user, expiresAt });
      return { token, user };
    },
    close(environmentId, token) {
      find(environmentId, token);
      sessions.delete(token);
    },
  };
}
