import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { Child, RuntimeEnvironment } from "@tenantry/contract";
import { exampleEnvironment, type Registry, testRegistry } from "./registry.ts";
import { signingKey, type TokenParts } from "./signing-key.ts";

export type Change = Partial<Omit<RuntimeEnvironment, "id">>;

/** A server that speaks the runtime contract, so that the SDK is tested over real HTTP without the platform. */
export type TestInstallation = {
  readonly url: string;
  readonly appKey: string;
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  readonly registry: Registry;
  /** What is done when the repair of an environment's database or cache is asked for; of the global cache: "global". */
  repair: (environmentId: string) => Promise<unknown>;
  /** The children in sight of an environment's tenant, by the environment's id; pages of them are as long as asked for. */
  readonly children: Map<string, readonly Child[]>;
  addTenant(slug: string, change?: Change): RuntimeEnvironment;
  change(environmentId: string, change: Change): void;
  remove(environmentId: string): void;
  /** A token as the gateway signs it, or a wrong one. */
  token(environment: RuntimeEnvironment, parts?: TokenParts): Promise<string>;
  rotateKey(): Promise<void>;
  /** Stops to answer and cuts every connection; `start` comes back on the same port. */
  stop(): void;
  start(): Promise<void>;
};

export async function testInstallation(): Promise<TestInstallation> {
  let key = await signingKey("key-1");
  const registry = testRegistry(() => key.publicJwk);
  const asked = new Map<string, number>();
  const appKey = "app-key-of-the-test";
  const children: TestInstallation["children"] = new Map();
  const repair = (environmentId: string) => made.repair(environmentId);
  const listener = createListener({ registry, asked, appKey, children, repair });
  let server: Server | undefined;
  let port = 0;

  async function start(): Promise<void> {
    server = createServer(listener);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  }

  await start();
  const made: TestInstallation = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    appKey,
    asked,
    registry,
    children,
    repair: async () => undefined,
    addTenant(slug, change) {
      const environment = { ...exampleEnvironment(slug), ...change };
      registry.put(environment);
      return environment;
    },
    change: (id, change) => registry.put({ ...registry.get(id), ...change }),
    remove: (id) => registry.remove(id),
    token: (environment, parts) => key.token(environment, parts),
    async rotateKey() {
      key = await signingKey(`${key.publicJwk.kid}+`);
      registry.moved();
    },
    stop() {
      server?.closeAllConnections();
      server?.close();
    },
    start,
  };
  return made;
}

function createListener({
  registry,
  asked,
  appKey,
  children,
  repair,
}: Pick<TestInstallation, "registry" | "asked" | "appKey" | "children" | "repair">) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url!, "http://localhost");
    const path = url.pathname.replace("/v1/runtime/", "");
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (request.headers.authorization !== `Bearer ${appKey}`) {
      problem(response, 401, "unauthenticated");
    } else if (path === "snapshot") {
      send(response, 200, registry.page(url.searchParams.get("since")));
    } else if (path === "stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const stop = registry.watch((version) => response.write(`event: version\ndata: ${version}\n\n`));
      request.on("close", stop);
    } else if (path.endsWith("/repair")) {
      await repair(path.startsWith("environments/") ? path.split("/")[1]! : "global");
      response.writeHead(204).end();
    } else if (path.endsWith("/files/foreign")) {
      const { owner } = (await json(request)) as { owner: string };
      asked.set(`${path} of ${owner}`, (asked.get(`${path} of ${owner}`) ?? 0) + 1);
      response.writeHead(204).end();
    } else if (path.endsWith("/children")) {
      pageOfChildren(children.get(path.split("/")[1]!) ?? [], url.searchParams, response);
    } else if (!path.startsWith("auth/")) {
      response.end("<p>What a proxy says when it knows nothing better.</p>");
    } else {
      const body = (await json(request)) as Record<string, string>;
      const where = `${path} of ${body.environmentId}`;
      asked.set(where, (asked.get(where) ?? 0) + 1);
      answerAuth(registry.sessions, path, body, response);
    }
  };
}

/** A cursor is how many come before. */
function pageOfChildren(all: readonly Child[], query: URLSearchParams, response: ServerResponse): void {
  const [from, limit] = [Number(query.get("cursor") ?? 0), Number(query.get("limit") ?? 50)];
  if (!Number.isInteger(from)) {
    problem(response, 422, "invalid_request");
    return;
  }
  const nextCursor = from + limit < all.length ? String(from + limit) : null;
  send(response, 200, { items: all.slice(from, from + limit), nextCursor });
}

/** Proves the address new@example.com, whose user can't log in. */
const goodToken = "v".repeat(43);

function answerAuth(
  sessions: Registry["sessions"],
  path: string,
  body: Record<string, string>,
  response: ServerResponse,
): void {
  const { environmentId = "", token = "", email = "" } = body;
  const session = sessions.get(token);
  const user = (address: string) => ({
    id: `usr_${address}`,
    email: address,
    name: null,
    role: roleOf(address),
  });
  const expiresAt = new Date(Date.now() + 1e9).toISOString();
  if (path === "auth/register") {
    if (email === "full@example.com") problem(response, 409, "user_limit_reached");
    else response.writeHead(204).end();
  } else if (path === "auth/verification") {
    const known = email === "new@example.com";
    const verification = { userId: "usr_1", email, token: goodToken, expiresAt };
    send(response, 200, { verification: known ? verification : null });
  } else if (path === "auth/verify-email") {
    if (token === goodToken) send(response, 200, { user: user("new@example.com") });
    else problem(response, 422, "verification_invalid");
  } else if (path === "auth/login") {
    if (email === "throttled@example.com")
      problem(response, 429, "too_many_requests", { "retry-after": "7" });
    else if (body.password !== "correct horse battery") problem(response, 401, "login_refused");
    else if (email === "new@example.com") problem(response, 403, "email_not_verified");
    else {
      const opened = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
      sessions.set(opened, { environmentId, email });
      send(response, 200, { token: opened, expiresAt, user: user(email) });
    }
  } else if (session === undefined || session.environmentId !== environmentId) {
    problem(response, 401, "session_invalid");
  } else if (path === "auth/session") {
    send(response, 200, { user: user(session.email), expiresAt });
  } else {
    sessions.delete(token);
    response.writeHead(204).end();
  }
}

/** `viewer@…` and `editor@…` are what they say; everybody else is an admin. */
function roleOf(email: string): string {
  const [name = ""] = email.split("@");
  return ["viewer", "editor"].includes(name) ? name : "admin";
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string, headers: object = {}): void {
  response
    .writeHead(status, { "content-type": "application/problem+json", ...headers })
    .end(JSON.stringify({ status, code, title: code, detail: `The answer is ${code}.` }));
}
