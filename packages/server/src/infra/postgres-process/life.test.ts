import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";
import pg from "pg";
import { describe, expect, test } from "vitest";
import {
  dataDirectory,
  directoryWithCluster,
  isDead,
  query,
  recordingLog,
} from "../../testing/embedded-postgres.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { boundsOf } from "./bounds.ts";
import { startEmbeddedPostgres } from "./index.ts";

describe("a cluster's ordinary life", () => {
  test("data, port and password are the same after stop and start", async () => {
    await using directory = await dataDirectory();
    const { log, events } = recordingLog();
    const first = await startEmbeddedPostgres({ dataDir: directory.path, log });
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop();
    expect(await isDead(first.pid)).toBe(true);
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    expect([second.url, second.port, second.adopted]).toEqual([first.url, first.port, false]);
    await second.stop();
    expect(events()).toEqual([
      "postgres.initialised",
      "postgres.started",
      "postgres.stopped",
      "postgres.started",
      "postgres.stopped",
    ]);
  });

  test("a new cluster's template of all databases is packed: what a copy costs is its files", async () => {
    await using directory = await directoryWithCluster();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log: recordingLog().log });
    const maps = await query(
      server.url,
      `select file from pg_database d, pg_ls_dir('base/' || d.oid) as file
       where d.datname = 'template0' and file ~ '_(fsm|vm)$'`,
    );
    // Seventy as initdb leaves it; two tables of many pages keep theirs.
    expect(maps.length).toBeLessThan(10);
    await server.stop();
  });

  test("stop can be called by many, cuts clients off, and tells how the server ended", async () => {
    await using directory = await directoryWithCluster();
    const { log, events } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const errors: string[] = [];
    client.on("error", (error) => errors.push(error.message));
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await waitUntil("the client was told", () =>
      errors.some((message) => /administrator command/.test(message)),
    );
    expect(events().filter((event) => event === "postgres.died")).toEqual([]);
  });

  test("a stop that takes too long becomes an immediate one, and nothing committed is lost", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const first = await startEmbeddedPostgres({ dataDir: directory.path, log });
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop({ timeoutMs: 0 });
    expect(await isDead(first.pid)).toBe(true);
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  test("a server that dies by itself is seen by whoever waits, and in the log", async () => {
    await using directory = await directoryWithCluster();
    const { log, fieldsOf } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    process.kill(server.pid, "SIGKILL");
    expect(await server.exited).toEqual({ code: null, signal: "SIGKILL" });
    expect(fieldsOf("postgres.died")).toMatchObject({ pid: server.pid, signal: "SIGKILL" });
    await server.stop();
  });
});

describe("a cluster's settings", () => {
  test("text is UTF-8 in code point order on every machine, pages carry checksums, our limits hold", async () => {
    await using directory = await dataDirectory();
    const { log } = recordingLog();
    const options = { dataDir: directory.path, log, maxConnections: 33, settings: { work_mem: "5MB" } };
    const server = await startEmbeddedPostgres(options);
    const [row] = await query<Record<string, string>>(
      server.url,
      `select current_setting('server_encoding') as encoding, datlocprovider as provider, datlocale as locale,
         current_setting('data_checksums') as checksums, current_setting('max_connections') as connections,
         current_setting('work_mem') as memory, current_setting('recovery_init_sync_method') as sync,
         current_setting('server_version') as version, upper('äß') as upper, 'Z' < 'a' as ordered
       from pg_database where datname = current_database()`,
    );
    expect(row).toEqual({
      encoding: "UTF8",
      provider: "b",
      locale: "C.UTF-8",
      checksums: "on",
      connections: "33",
      memory: "5MB",
      sync: "syncfs",
      version: server.version,
      upper: "Äß",
      ordered: true,
    });
    await server.stop();
  });

  test("no process of the server takes all memory, and no statement the whole disk", async () => {
    await using directory = await dataDirectory();
    const { log } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    const { memoryBytes, temporaryBytes } = await boundsOf(directory.path);
    const [row] = await query<{ kilobytes: string }>(
      server.url,
      `select setting as kilobytes from pg_settings where name = 'temp_file_limit'`,
    );
    expect(Number(row!.kilobytes)).toBe(Math.floor(temporaryBytes / 1024));
    const limits = await readFile(`/proc/${server.pid}/limits`, "utf8");
    expect(limits.match(/Max data size\s+(\d+)/)?.[1]).toBe(String(memoryBytes));
    await server.stop();
  });

  test("whoever takes all the connections there are leaves the superuser a fifth", async () => {
    await using directory = await dataDirectory();
    const { log } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log, maxConnections: 20 });
    await query(server.url, "create role greedy login password 'greedy'");
    const url = new URL(server.url);
    [url.username, url.password] = ["greedy", "greedy"];
    const taken = Array.from({ length: 30 }, () => new pg.Client({ connectionString: url.href }));
    for (const client of taken) client.on("error", () => undefined);
    // One after another: connections that are being refused take places for a moment, too.
    let had = 0;
    for (const client of taken) {
      had += await client.connect().then(
        () => 1,
        () => 0,
      );
    }
    expect(had).toBe(16);
    const count = "select count(*)::int as count from pg_stat_activity where backend_type = 'client backend'";
    await waitUntil("those that were refused are gone", async () => {
      const [row] = await query<{ count: number }>(server.url, count);
      return row?.count === had + 1;
    });
    const ours = await Promise.all(
      Array.from({ length: 4 }, () => query(server.url, "select pg_sleep(0.2)")),
    );
    expect(ours).toHaveLength(4);
    await server.stop();
  });

  test("no one gets in without the password, which only the owner may read", async () => {
    await using directory = await dataDirectory();
    const { log } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    const wrong = new URL(server.url);
    wrong.password = "guessed";
    await expect(query(wrong.href, "select 1")).rejects.toThrow(/password authentication failed/);
    const [row] = await query<{ method: string }>(
      server.url,
      "select string_agg(distinct auth_method, ',') as method from pg_hba_file_rules",
    );
    expect(row?.method).toBe("scram-sha-256");
    const modes = await Promise.all(
      ["", "cluster", "password", "port", "log/postgres.log"].map(
        async (name) => (await stat(path.join(directory.path, name))).mode & 0o777,
      ),
    );
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600, 0o600]);
    expect(await readFile(path.join(directory.path, "log/postgres.log"), "utf8")).not.toContain(
      `${wrong.username}:`,
    );
    await server.stop();
  });

  test("only this machine can reach it", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    const reached = await Promise.all(outside.map(({ address }) => reaches(address, server.port)));
    expect(reached.every((it) => it === false)).toBe(true);
    expect(await reaches("127.0.0.1", server.port)).toBe(true);
    await server.stop();
  });

  test("a password in a statement that fails doesn't reach the log", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    await expect(query(server.url, "create role postgres password 'open-sesame'")).rejects.toThrow(
      /already exists/,
    );
    await server.stop();
    const text = await readFile(path.join(directory.path, "log/postgres.log"), "utf8");
    expect(text).toContain('role "postgres" already exists');
    expect(text).not.toContain("open-sesame");
  });
});

function reaches(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
