import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../infra/postgres-process/free-port.ts";
import { testCertificate } from "../../../testing/certificate.ts";
import { type TestRedis, testRedis } from "../../../testing/redis.ts";
import { checkCacheServer } from "./check-server.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis({ lines: ["user weak on >weak ~* &* +@all -acl"] });
});
afterAll(() => redis.stop());

const as = (user: string, password: string) =>
  Object.assign(new URL(redis.url), { username: user, password }).href;

test("a Redis whose user may do everything is fit for all levels, and nothing is left of the trial", async () => {
  const users = await redis.ask("ACL", "USERS");
  const check = await checkCacheServer(redis.url);
  expect(check).toMatchObject({ usable: true, users: true, databases: 16 });
  if (!check.usable) return;
  expect(check.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(check.warnings.join(" ")).toMatch(/forgets its users/);
  expect(check.warnings.join(" ")).toMatch(/maxmemory/);
  expect(await redis.ask("ACL", "USERS")).toEqual(users);
  expect(await redis.ask("KEYS", "*")).toEqual([]);
});

test("one that keeps its users in a file, with limits, is taken without a warning", async () => {
  const lines = ["maxmemory 50mb", "maxmemory-policy allkeys-lru"];
  const kept = await testRedis({ aclFile: true, lines });
  expect(await checkCacheServer(kept.url)).toMatchObject({ usable: true, users: true, warnings: [] });
  await kept.stop();
});

test("one that lets everybody in, or whose user can't give rights, is fit for prefixes alone", async () => {
  const open = await testRedis({ open: true });
  const check = await checkCacheServer(open.url);
  expect(check).toMatchObject({ usable: true, users: false });
  expect(JSON.stringify(check)).toMatch(/without a password.*only the level prefix/);
  await open.stop();
  const weak = await checkCacheServer(as("weak", "weak"));
  expect(weak).toMatchObject({ usable: true, users: false });
  expect(JSON.stringify(weak)).toMatch(/The user weak can't give others rights/);
});

test("a wrong password, nobody there, a wrong URL and a numbered database are told, without the password", async () => {
  const wrong = [
    [as("admin", "sesame"), /doesn't let admin in: WRONGPASS/],
    ["redis://admin:sesame@127.0.0.1:1", /doesn't answer: connect ECONNREFUSED/],
    ["http://admin:sesame@127.0.0.1", /redis:\/\/user:password@host/],
    [`${redis.url}/4`, /names a database/],
  ] as const;
  for (const [url, told] of wrong) {
    const check = await checkCacheServer(url);
    expect(check).toMatchObject({ usable: false, missing: [expect.stringMatching(told)] });
    expect(JSON.stringify(check)).not.toContain("sesame");
  }
});

test("a cluster is refused", async () => {
  // Left out, it is the server's own and ten thousand, which may be taken, or none.
  const clusterPort = `cluster-port ${await freePort("127.0.0.1")}`;
  const cluster = await testRedis({ lines: ["cluster-enabled yes", clusterPort] });
  expect(await checkCacheServer(cluster.url)).toMatchObject({
    usable: false,
    missing: [expect.stringMatching(/cluster/)],
  });
  await cluster.stop();
});

test("a Sentinel and a replica are refused, saying what is needed instead", async () => {
  const sentinel = await testRedis({ sentinel: true });
  expect(await checkCacheServer(sentinel.url)).toMatchObject({
    usable: false,
    missing: [expect.stringMatching(/is a Sentinel.*the primary that it watches/)],
  });
  await sentinel.stop();
  const replica = await testRedis({ lines: ["replicaof 127.0.0.1 1"] });
  expect(await checkCacheServer(replica.url)).toMatchObject({
    usable: false,
    missing: [expect.stringMatching(/is a replica; the primary is needed/)],
  });
  await replica.stop();
});

test("over TLS, whose certificate isn't trusted is refused with the reason, and who is trusted is used", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-redis-tls-"));
  const [certificate, key] = [path.join(directory, "certificate.pem"), path.join(directory, "key.pem")];
  await writeFile(certificate, testCertificate.certificate);
  await writeFile(key, testCertificate.key);
  const port = await freePort("127.0.0.1");
  const lines = [
    `tls-port ${port}`,
    `tls-cert-file ${certificate}`,
    `tls-key-file ${key}`,
    "tls-auth-clients no",
  ];
  const encrypted = await testRedis({ lines: [...lines, `tls-ca-cert-file ${certificate}`] });
  const url = encrypted.url
    .replace("redis:", "rediss:")
    .replace(`127.0.0.1:${encrypted.port}`, `localhost:${port}`);
  const refused = {
    usable: false,
    missing: [expect.stringMatching(/doesn't answer: .*self-signed certificate/)],
  };
  expect(await checkCacheServer(url)).toMatchObject(refused);
  const trusted = tls.getCACertificates("default");
  tls.setDefaultCACertificates([...trusted, testCertificate.certificate]);
  try {
    expect(await checkCacheServer(url)).toMatchObject({ usable: true, users: true });
    const elsewhere = await checkCacheServer(url.replace("localhost", "127.0.0.1"));
    expect(elsewhere).toMatchObject({ usable: false, missing: [expect.stringMatching(/IP|altnames/)] });
  } finally {
    tls.setDefaultCACertificates(trusted);
  }
  await encrypted.stop();
  await rm(directory, { recursive: true });
});

/** A server that answers every command in the same way. */
async function answering(reply: string | undefined): Promise<{ url: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (reply !== undefined) socket.on("data", () => socket.write(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  return { url: `redis://127.0.0.1:${port}`, close: () => server.close() };
}

test("an old Redis, one that says nothing, and what isn't Redis are refused with the reason", async () => {
  const info = "redis_version:6.0.16\r\nrole:master\r\n";
  const cases = [
    [`$${info.length}\r\n${info}\r\n`, /runs Redis 6\.0\.16; 6\.2 is the oldest/],
    [undefined, /doesn't answer/, 200],
    ["HTTP/1.1 400 Bad Request\r\n\r\n", /doesn't answer/],
  ] as const;
  for (const [reply, told, deadlineMs = 30_000] of cases) {
    const server = await answering(reply);
    const check = await checkCacheServer(server.url, deadlineMs);
    server.close();
    expect(check).toMatchObject({ usable: false, missing: [expect.stringMatching(told)] });
  }
});
