import { createHash } from "node:crypto";
import type { RuntimeLogin, RuntimeUser, Verification } from "@tenantry/contract";
import { LRUCache } from "lru-cache";
import {
  EmailNotVerified,
  LoginRefused,
  RuntimeUnavailable,
  TenantryError,
  TooManyAttempts,
  VerificationRefused,
} from "./errors.ts";
import {
  type Credentials,
  type PasswordChange,
  type Registration,
  type RuntimeApi,
  RuntimeRefused,
  type VerificationRequest,
} from "./runtime/api.ts";
import { createUserAdministration, type UserAdministration } from "./users.ts";

/** Log-in of the current tenant's users. Sessions are valid for this tenant and environment alone. */
export type Auth = {
  /**
   * Checks the password and opens a session. Give the visitor's `address`, by which attempts are counted, too. Throws
   * `LoginRefused`, `EmailNotVerified` where the password is right and the address isn't proven, and `TooManyAttempts`
   * with the seconds to wait.
   */
  login(credentials: Credentials): Promise<RuntimeLogin>;
  /** Whose session this is; undefined when it is none, or no longer. At most five seconds old. */
  user(sessionToken: string | undefined): Promise<RuntimeUser | undefined>;
  /** Ends the session. Repeatable. */
  logout(sessionToken: string | undefined): Promise<void>;
  /**
   * Gives the session's user another password; all their sessions end, and the answer is a new one. Throws
   * `LoginRefused` when the current password is wrong, `TenantryError` (422) when the new one is too weak.
   */
  changePassword(sessionToken: string, change: PasswordChange): Promise<RuntimeLogin>;
  /**
   * Makes a visitor a user of the tenant, with the role `viewer` and an address that isn't proven. Ends the same whether
   * or not the address is a user's already: tell the visitor to look into their mail. Throws `TooManyAttempts`, and
   * `TenantryError` with the code `invalid_request` (its `errors` name the fields) or `user_limit_reached`.
   */
  register(registration: Registration): Promise<void>;
  /**
   * What whoever has this address proves it with, good once, for 24 hours; those made before are void. Mail it to
   * `email`, as a link to a page of yours that calls `verifyEmail`, and show it to nobody. Undefined where nobody has
   * the address, or it is proven: answer the visitor as if it weren't. Throws `TooManyAttempts`.
   */
  verification(request: VerificationRequest): Promise<Verification | undefined>;
  /**
   * Proves the address that the token was sent to, and answers whose it is; no session comes of it. Call it where a
   * form is sent (programs that look through mails open links). Repeatable. Throws `VerificationRefused`.
   */
  verifyEmail(token: string): Promise<RuntimeUser>;
  /** The tenant's users, for an admin of the tenant: each call is made in the name of the session's user. */
  administer(sessionToken: string): UserAdministration;
};

/** The sessions that this process has seen in the last seconds, of all tenants. */
export type SessionCache = LRUCache<string, Promise<RuntimeUser | undefined>>;

const rememberedMs = 5_000;
/** 256 bits in base64url. Anything else can't be a session, and isn't worth asking about. */
const tokenShape = /^[\w-]{43}$/;

export function createSessionCache(now: () => number = () => performance.now()): SessionCache {
  return new LRUCache({ max: 20_000, ttl: rememberedMs, ttlResolution: 0, perf: { now } });
}

export function createAuth(api: RuntimeApi, sessions: SessionCache, environmentId: () => string): Auth {
  return {
    ...createRegistration(api, environmentId),
    async login(credentials) {
      const environment = environmentId();
      if (!canBeRight(credentials)) throw new LoginRefused("The e-mail address or the password is wrong.");
      return api.login(environment, credentials).catch((error: unknown) => {
        throw explain(error);
      });
    },
    async user(token) {
      const environment = environmentId();
      if (token === undefined || !tokenShape.test(token)) return undefined;
      const key = cacheKey(environment, token);
      const known = sessions.get(key);
      if (known !== undefined) return known;
      const asking = askForUser(api, environment, token);
      sessions.set(key, asking);
      // A failure isn't an answer: the next call asks again.
      asking.catch(() => sessions.delete(key));
      return asking;
    },
    async logout(token) {
      const environment = environmentId();
      if (token === undefined || !tokenShape.test(token)) return;
      await api.logout(environment, token).catch((error: unknown) => {
        if (!(error instanceof RuntimeRefused && error.code === "session_invalid")) throw explain(error);
      });
      sessions.delete(cacheKey(environment, token));
    },
    async changePassword(token, change) {
      const environment = environmentId();
      const login = await api.changePassword(environment, token, change).catch((error: unknown) => {
        throw explain(error);
      });
      sessions.delete(cacheKey(environment, token));
      return login;
    },
    administer: (session) =>
      createUserAdministration(async (request) => {
        const environment = environmentId();
        const answer = await api.users(environment, { ...request, session }).catch((error: unknown) => {
          throw explain(error);
        });
        // It may have been the admin's own name.
        if (request.method !== "GET") sessions.delete(cacheKey(environment, session));
        return answer;
      }),
  };
}

function createRegistration(
  api: RuntimeApi,
  environmentId: () => string,
): Pick<Auth, "register" | "verification" | "verifyEmail"> {
  return {
    async register(registration) {
      await api.register(environmentId(), registration).catch((error: unknown) => {
        throw explain(error);
      });
    },
    async verification(request) {
      const environment = environmentId();
      if (!canBeRight(request)) return undefined;
      const { verification } = await api.verification(environment, request).catch((error: unknown) => {
        throw explain(error);
      });
      return verification ?? undefined;
    },
    async verifyEmail(token) {
      const environment = environmentId();
      if (!tokenShape.test(token)) throw new VerificationRefused("This proves no address.");
      const { user } = await api.verifyEmail(environment, token).catch((error: unknown) => {
        throw explain(error);
      });
      return user;
    },
  };
}

/** Whatever visitors type is a log-in that fails, not a mistake of the application's. */
function canBeRight({ email, password = "-" }: Pick<Credentials, "email"> & { password?: string }): boolean {
  return [email, password].every((text) => text !== "" && text.length <= 1_000 && !text.includes("\0"));
}

async function askForUser(
  api: RuntimeApi,
  environmentId: string,
  token: string,
): Promise<RuntimeUser | undefined> {
  try {
    return (await api.session(environmentId, token)).user;
  } catch (error) {
    if (error instanceof RuntimeRefused && error.code === "session_invalid") return undefined;
    throw explain(error);
  }
}

/** Tokens themselves are not kept in memory longer than a call lasts. */
function cacheKey(environmentId: string, token: string): string {
  return `${environmentId} ${createHash("sha256").update(token).digest("base64url")}`;
}

/** A refusal of the API as an error of this package. */
export function explain(error: unknown): unknown {
  if (!(error instanceof RuntimeRefused)) return error;
  if (error.code === "login_refused") return new LoginRefused(error.message);
  if (error.code === "email_not_verified") return new EmailNotVerified(error.message, error.remedy);
  if (error.code === "verification_invalid") return new VerificationRefused(error.message, error.remedy);
  if (error.code === "too_many_requests") {
    return new TooManyAttempts(error.message, error.retryAfterSeconds ?? 60);
  }
  if (error.status >= 500) return new RuntimeUnavailable(error.message, { cause: error });
  const { code, status, remedy, errors } = error;
  return new TenantryError(error.message, { code, status, remedy, errors }, { cause: error });
}
