import { randomUUID } from "node:crypto";
import type {
  Child,
  RuntimeLogin,
  RuntimeSnapshot,
  RuntimeStorageKeys,
  RuntimeUser,
  Verification,
} from "@tenantry/contract";
import type { Configuration } from "../config.ts";
import { type FieldError, RuntimeUnavailable } from "../errors.ts";
import { readEvents } from "./event-stream.ts";

export type Credentials = { email: string; password: string; address?: string; userAgent?: string };
export type RuntimeSession = { user: RuntimeUser; expiresAt: string };
export type PasswordChange = Omit<Credentials, "email"> & { currentPassword: string };
/** `address` is the visitor's IP address, by which attempts are counted, too. */
export type Registration = { email: string; password: string; name?: string; address?: string };
export type VerificationRequest = { email: string; address?: string };
/** A request on behalf of the user whose session it is. */
export type UserRequest = { method: string; path: string; session: string; body?: object };

/** The calls that an application's key is good for. */
export type RuntimeApi = {
  snapshot(since: string | undefined, signal: AbortSignal): Promise<RuntimeSnapshot>;
  /** Yields whenever something changed; ends when the connection does. */
  changes(signal: AbortSignal): AsyncIterable<void>;
  login(environmentId: string, credentials: Credentials): Promise<RuntimeLogin>;
  session(environmentId: string, token: string): Promise<RuntimeSession>;
  logout(environmentId: string, token: string): Promise<void>;
  changePassword(environmentId: string, token: string, change: PasswordChange): Promise<RuntimeLogin>;
  register(environmentId: string, registration: Registration): Promise<void>;
  verification(
    environmentId: string,
    request: VerificationRequest,
  ): Promise<{ verification: Verification | null }>;
  verifyEmail(environmentId: string, token: string): Promise<{ user: RuntimeUser }>;
  /** Makes the environment's database let us in again, where its role gave itself another password. */
  repairDatabase(environmentId: string): Promise<void>;
  /** Gives the user of an environment's cache its rights back; without an environment, that of the global one. */
  repairCache(environmentId: string | undefined): Promise<void>;
  /** Keys for a time, for the files of one environment. */
  storageKeys(environmentId: string, lastsSeconds: number): Promise<RuntimeStorageKeys>;
  /** Tells that an address signed for a file of `owner` was tried in an environment, and refused there. */
  foreignFile(environmentId: string, owner: string): Promise<void>;
  /** The tenants below that let it see them. */
  children(
    environmentId: string,
    query: URLSearchParams,
  ): Promise<{ items: Child[]; nextCursor: string | null }>;
  /** The tenant's users, as its admin: the answer's JSON; undefined when there is none. */
  users(environmentId: string, request: UserRequest): Promise<unknown>;
};

/** The API answered, and refused: `code` is one of the error catalogue's. */
export class RuntimeRefused extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string | undefined;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, problem: Problem, retryAfterSeconds?: number) {
    super(problem.detail ?? problem.title ?? `Tenantry's API answered ${status}.`);
    this.name = "RuntimeRefused";
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.remedy = problem.remedy;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const snapshotDeadlineMs = 30_000;
const authDeadlineMs = 10_000;
/** The API sends a sign of life every 15 seconds; a stream that says nothing for longer than this is dead. */
const streamSilenceMs = 40_000;

export function createRuntimeApi({ url, appKey }: Configuration): RuntimeApi {
  const base = new URL("v1/runtime/", url.href.endsWith("/") ? url : `${url.href}/`);
  // By it the API gives each process its share of database connections.
  const processId = randomUUID();
  const headers = { authorization: `Bearer ${appKey}` };

  async function ask(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(new URL(path, base), { ...init, headers: { ...headers, ...init.headers } });
    } catch (error) {
      throw new RuntimeUnavailable(`Tenantry's API at ${url.origin} doesn't answer.`, { cause: error });
    }
    if (response.ok) return response;
    throw await refusal(response);
  }

  async function askForJson<Answer>(path: string, init: RequestInit): Promise<Answer> {
    const response = await ask(path, init);
    try {
      return (response.status === 204 ? undefined : await response.json()) as Answer;
    } catch (error) {
      throw new RuntimeUnavailable(`Tenantry's API at ${url.origin} didn't finish its answer.`, {
        cause: error,
      });
    }
  }

  function send<Answer>(method: string, path: string, body?: object, session?: string): Promise<Answer> {
    return askForJson<Answer>(path, {
      method,
      headers: {
        ...(body && { "content-type": "application/json" }),
        ...(session !== undefined && { "tenantry-session": session }),
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(authDeadlineMs),
    });
  }

  return {
    async snapshot(since, signal) {
      const query = new URLSearchParams({ process: processId, ...(since !== undefined && { since }) });
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(snapshotDeadlineMs)]);
      return askForJson<RuntimeSnapshot>(`snapshot?${query}`, { signal: deadline });
    },
    async *changes(signal) {
      const response = await ask("stream", { headers: { accept: "text/event-stream" }, signal });
      for await (const event of readEvents(response.body!, streamSilenceMs)) {
        if (event === "version") yield;
      }
    },
    ...authCalls(send),
    repairDatabase: (environmentId) =>
      send("POST", `environments/${encodeURIComponent(environmentId)}/database/repair`),
    repairCache: (environmentId) =>
      send(
        "POST",
        environmentId === undefined
          ? "global-cache/repair"
          : `environments/${encodeURIComponent(environmentId)}/cache/repair`,
      ),
    storageKeys: (environmentId, lastsSeconds) =>
      send("POST", `environments/${encodeURIComponent(environmentId)}/storage/keys`, { lastsSeconds }),
    foreignFile: (environmentId, owner) =>
      send("POST", `environments/${encodeURIComponent(environmentId)}/files/foreign`, { owner }),
    children: (environmentId, query) =>
      send("GET", `environments/${encodeURIComponent(environmentId)}/children?${query}`),
    users(environmentId, { method, path, session, body }) {
      return send(method, `environments/${encodeURIComponent(environmentId)}/users${path}`, body, session);
    },
  };
}

type Send = <Answer>(method: string, path: string, body?: object, session?: string) => Promise<Answer>;

function authCalls(
  send: Send,
): Pick<
  RuntimeApi,
  "login" | "session" | "logout" | "changePassword" | "register" | "verification" | "verifyEmail"
> {
  // What is ours to say comes last: applications hand on what visitors sent, as it is.
  return {
    login: (environmentId, credentials) => send("POST", "auth/login", { ...credentials, environmentId }),
    session: (environmentId, token) => send("POST", "auth/session", { environmentId, token }),
    logout: (environmentId, token) => send("POST", "auth/logout", { environmentId, token }),
    changePassword: (environmentId, token, change) =>
      send("POST", "auth/password", { ...change, environmentId, token }),
    register: (environmentId, registration) =>
      send("POST", "auth/register", { ...registration, environmentId }),
    verification: (environmentId, request) =>
      send("POST", "auth/verification", { ...request, environmentId }),
    verifyEmail: (environmentId, token) => send("POST", "auth/verify-email", { environmentId, token }),
  };
}

async function refusal(response: Response): Promise<Error> {
  const text = await response.text().catch(() => "");
  const retryAfter = Number(response.headers.get("retry-after") ?? "");
  const retryAfterSeconds = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined;
  return new RuntimeRefused(response.status, parseProblem(text), retryAfterSeconds);
}

type Problem = { code?: string; title?: string; detail?: string; remedy?: string; errors?: FieldError[] };

/** A proxy in between may answer with a page of its own; then there is no problem document to read. */
function parseProblem(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Problem) : {};
  } catch {
    return {};
  }
}
