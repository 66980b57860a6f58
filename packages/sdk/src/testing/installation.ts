import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

type Change = Partial<Omit<RuntimeEnvironment, "id">>;
type TokenParts = {
  sub?: string;
  aud?: string;
  iss?: string;
  env?: string;
  secondsAgo?: number;
  kid?: string;
};

/** A server that speaks the runtime contract, so that the SDK is tested over real HTTP without the platform. */
export type TestInstallation = {
  readonly url: string;
  readonly appKey: string;
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  readonly sessions: Map<string, { environmentId: string; email: string }>;
  pageSize: number;
  addTenant(slug: string, change?: Change): RuntimeEnvironment;
  change(environmentId: string, change: Change): void;
  remove(environmentId: string): void;
  /** A token as the gateway signs it, or a wrong one. */
  token(environment: RuntimeEnvironment, parts?: TokenParts): Promise<string>;
  /** Replaces the signing key. */
  rotateKey(): Promise<void>;
  /** Stops to answer and cuts every connection; `start` comes back on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

export async function testInstallation(): Promise<TestInstallation> {
  let version = 1;
  let key = await signingKey("key-1");
  let server: Server | undefined;
  let port = 0;
  const rows = new Map<string, { version: number; environment: RuntimeEnvironment }>();
  const tombstones: { version: number; id: string }[] = [];
  const streams = new Set<ServerResponse>();

  const moved = (): number => {
    version += 1;
    for (const stream of streams) stream.write(`event: version\ndata: {"version":${version}}\n\n`);
    return version;
  };

  const installation: TestInstallation = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    appKey: "app-key-of-the-test",
    asked: new Map(),
    sessions: new Map(),
    pageSize: 1000,
    addTenant(slug, change) {
      const environment = { ...exampleEnvironment(slug), ...change };
      rows.set(environment.id, { version: version + 1, environment });
      moved();
      return environment;
    },
    change(id, change) {
      const environment = { ...rows.get(id)!.environment, ...change };
      rows.set(id, { version: version + 1, environment });
      moved();
    },
    remove(id) {
      rows.delete(id);
      tombstones.push({ version: version + 1, id });
      moved();
    },
    async token(environment, parts = {}) {
      const issuedAt = Math.floor(Date.now() / 1000) - (parts.secondsAgo ?? 0);
      return new SignJWT({ env: parts.env ?? environment.id, slug: environment.tenantSlug })
        .setProtectedHeader({ alg: "EdDSA", kid: parts.kid ?? key.kid })
        .setSubject(parts.sub ?? environment.tenantId)
        .setAudience(parts.aud ?? "app_of_the_test")
        .setIssuer(parts.iss ?? "https://tenantry.test")
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + 120)
        .sign(key.privateKey);
    },
    async rotateKey() {
      key = await signingKey(`key-${version}`);
      moved();
    },
    async stop() {
      server?.closeAllConnections();
      server?.close();
      streams.clear();
    },
    async start() {
      server = createServer((request, response) => void answer(request, response));
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      port = (server.address() as AddressInfo).port;
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, installation.url);
    const path = url.pathname.replace("/v1/runtime/", "");
    installation.asked.set(path, (installation.asked.get(path) ?? 0) + 1);
    if (request.headers.authorization !== `Bearer ${installation.appKey}`) {
      problem(response, 401, "unauthenticated");
    } else if (path === "snapshot") {
      send(response, 200, snapshot(url.searchParams.get("since")));
    } else if (path === "stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: hello\n\nevent: version\ndata: {"version":${version}}\n\n`);
      streams.add(response);
      request.on("close", () => streams.delete(response));
    } else {
      const body = (await json(request)) as Record<string, string>;
      answerAuth(installation, path, body, response);
    }
  }

  function snapshot(since: string | null): RuntimeSnapshot {
    const [fromVersion, fromId] = (since ?? "0.").split(".") as [string, string];
    const waiting = [...rows.values()]
      .filter(
        (row) =>
          row.version > Number(fromVersion) ||
          (row.version === Number(fromVersion) && row.environment.id > fromId),
      )
      .sort((left, right) => left.version - right.version);
    const page = waiting.slice(0, installation.pageSize);
    const hasMore = waiting.length > page.length;
    const last = page.at(-1);
    return {
      cursor: hasMore ? `${last!.version}.${last!.environment.id}` : `${version}.`,
      hasMore,
      full: since === null,
      environments: page.map((row) => row.environment),
      removed: tombstones.filter((stone) => stone.version > Number(fromVersion)).map((stone) => stone.id),
      keys: { keys: [key.publicJwk] },
      audience: "app_of_the_test",
      issuer: "https://tenantry.test",
      budgets: [],
    };
  }

  await installation.start();
  return installation;
}

function answerAuth(
  installation: TestInstallation,
  path: string,
  body: Record<string, string>,
  response: ServerResponse,
): void {
  const session = installation.sessions.get(body["token"] ?? "");
  const user = (email: string) => ({ id: `usr_${email}`, email, name: null, role: "admin" });
  const expiresAt = new Date(Date.now() + 1e9).toISOString();
  if (path === "auth/login") {
    if (body["email"] === "throttled@example.com")
      problem(response, 429, "too_many_requests", { "retry-after": "7" });
    else if (body["password"] !== "correct horse battery") problem(response, 401, "login_refused");
    else {
      const token = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
      installation.sessions.set(token, { environmentId: body["environmentId"]!, email: body["email"]! });
      send(response, 200, { token, expiresAt, user: user(body["email"]!) });
    }
  } else if (session === undefined || session.environmentId !== body["environmentId"]) {
    problem(response, 401, "session_invalid");
  } else if (path === "auth/session") {
    send(response, 200, { user: user(session.email), expiresAt });
  } else {
    installation.sessions.delete(body["token"]!);
    response.writeHead(204).end();
  }
}

let count = 0;

function exampleEnvironment(slug: string): RuntimeEnvironment {
  count += 1;
  const suffix = String(count).padStart(26, "0");
  return {
    id: `env_${suffix}`,
    name: "production",
    status: "ready",
    tenantId: `tnt_${suffix}`,
    tenantSlug: slug,
    tenantName: `The ${slug} company`,
    tenantStatus: "active",
    timezone: "UTC",
    language: "en",
    hostnames: [`${slug}.localhost`],
    settings: { colour: "green" },
  };
}

async function signingKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const { kty, crv, x } = await exportJWK(publicKey);
  return { kid, privateKey, publicJwk: { kid, kty: kty!, crv: crv!, x: x!, alg: "EdDSA", use: "sig" } };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string, headers: object = {}): void {
  response
    .writeHead(status, { "content-type": "application/problem+json", ...headers })
    .end(JSON.stringify({ status, code, title: code, detail: `The answer is ${code}.` }));
}
