import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../kernel/index.ts";
import { testContext } from "../testing/driver-context.ts";
import { createRedisCacheDriver, createRedisLink, type RedisLink } from "./cache/redis/index.ts";
import type { DriverContext } from "./context.ts";
import { createDatabaseDrivers } from "./database/index.ts";
import { createS3StorageDriver } from "./storage/index.ts";

/** A server that takes connections and what is sent, and never says anything. */
let silent: Server;
let port: number;
let link: RedisLink;
const sockets = new Set<Socket>();

beforeEach(async () => {
  silent = createServer((socket) => sockets.add(socket.resume().on("error", () => undefined)));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  port = (silent.address() as { port: number }).port;
  link = createRedisLink();
});
afterEach(async () => {
  link.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => silent.close(resolve));
});

const name = "0".repeat(26);

function storage(users: "ceph" | null) {
  const endpoint = `http://127.0.0.1:${port}`;
  const keys = { accessKeyId: "key", secretAccessKey: "secret" };
  const server = { id: newId(), endpoint, region: "us-east-1", bucket: "files", ...keys, users };
  return createS3StorageDriver({ server, deriveKey: () => Buffer.alloc(32) });
}

function cache() {
  const server = { id: newId(), url: `redis://127.0.0.1:${port}`, users: true, key: Buffer.alloc(32) };
  return createRedisCacheDriver({ installationId: newId(), server, link });
}

const database = () => createDatabaseDrivers({ installationId: newId() }).database!;
const server = () => ({ id: newId(), url: `postgres://postgres:secret@127.0.0.1:${port}/postgres` });
const schema = { appId: newId(), migrations: [] };

const steps: [title: string, run: (context: DriverContext) => Promise<unknown>][] = [
  ["files below a prefix, made", (context) => storage(null).provision(context, name, newId())],
  ["files below a prefix, removed", (context) => storage(null).remove(context, name)],
  ["a bucket, made", (context) => storage(null).provision(context, `files-${name}`, newId())],
  ["a bucket, removed", (context) => storage(null).remove(context, `files-${name}`)],
  ["a bucket with a user, made", (context) => storage("ceph").provision(context, `files-${name}`, newId())],
  ["a bucket with a user, removed", (context) => storage("ceph").remove(context, `files-${name}`)],
  ["a cache, made", (context) => cache().provision(context, cache().nameFor(newId()), newId())],
  ["a cache, removed", (context) => cache().remove(context, cache().nameFor(newId()))],
  [
    "a database, made",
    (context) => database().build(context, { server: server(), databaseId: newId(), schema }),
  ],
  [
    "a database, removed",
    (context) => database().remove(context, { server: server(), thing: { kind: "database", name: "tn_x" } }),
  ],
];

describe("a step that waits for a server which says nothing ends at once when it is told to stop", () => {
  test.each(steps)("%s", async (_title, run) => {
    const stop = new AbortController();
    const outcome = run(testContext({ signal: stop.signal })).then(
      () => "done",
      (error: unknown) => error,
    );
    await once(silent, "connection");
    const reason = new Error("The operation was cancelled.");
    const stoppedAt = performance.now();
    stop.abort(reason);
    expect(await outcome).toBe(reason);
    expect(performance.now() - stoppedAt).toBeLessThan(2_000);
  });
});
