import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import {
  dataDirectory,
  directoryWithCluster,
  initdbIsAtWork,
  isDead,
  postmasterPid,
  query,
  recordingLog,
  spawnStart,
  startInChild,
} from "../../testing/embedded-postgres.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { startEmbeddedPostgres } from "./index.ts";

describe("after kill -9 of the process that started it", () => {
  test("the server is adopted with its data intact, and stops for its new owner", async () => {
    await using directory = await directoryWithCluster();
    const { log, events } = recordingLog();
    const first = await startInChild(directory.path);
    await query(first.postgres.url, "create table kept as select 42 as answer");
    await first.kill();
    expect(await isDead(first.postgres.pid)).toBe(false);
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(second).toMatchObject({ ...first.postgres, adopted: true });
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    await second.stop();
    expect(await isDead(second.pid)).toBe(true);
    expect(await second.exited).toEqual({ code: null, signal: null });
    expect(events()).toEqual(["postgres.adopted", "postgres.stopped"]);
  });

  test("stop of an adopted server is done before a process with nothing else to do ends", async () => {
    await using directory = await directoryWithCluster();
    const first = await startInChild(directory.path);
    await first.kill();
    const script = `
      const { startEmbeddedPostgres } = await import(${JSON.stringify(path.join(import.meta.dirname, "index.ts"))});
      const log = { info: (fields, event) => console.log(event), warn() {}, error() {} };
      await (await startEmbeddedPostgres({ dataDir: process.argv[1], log })).stop();`;
    const args = ["--input-type=module", "-e", script, directory.path];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe("postgres.adopted\npostgres.stopped\n");
    expect(await isDead(first.postgres.pid)).toBe(true);
  });

  test("the death of an adopted server is seen", async () => {
    await using directory = await directoryWithCluster();
    const { log, events } = recordingLog();
    await (await startInChild(directory.path)).kill();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    process.kill(server.pid, "SIGKILL");
    await server.exited;
    expect(events()).toEqual(["postgres.adopted", "postgres.died"]);
    await server.stop();
  });

  test("and of the server too, the next start recovers what was committed, even past a query still at work", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const first = await startInChild(directory.path);
    await query(first.postgres.url, "create table kept as select 42 as answer");
    // A backend that computes doesn't see that its server is gone, and holds the memory that a new one needs.
    const compute = "select count(*) from generate_series(1, 1e12)";
    const busy = query(first.postgres.url, compute).catch(() => "cut off");
    const atWork = `select 1 from pg_stat_activity where state = 'active' and query = '${compute}'`;
    await waitUntil("the query is at work", async () => (await query(first.postgres.url, atWork)).length > 0);
    await first.kill();
    process.kill(first.postgres.pid, "SIGKILL");
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(second.adopted).toBe(false);
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    await second.stop();
    expect(await busy).toBe("cut off");
  });

  test("at any moment of its first start, the next one makes a whole cluster and leaves no rest", async () => {
    await using directory = await dataDirectory();
    const child = spawnStart(directory.path);
    const exit = once(child, "exit");
    await waitUntil("initdb is at work", () => initdbIsAtWork(directory.path));
    child.kill("SIGKILL");
    await exit;
    const { log, events } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(events()).toEqual(["postgres.initialised", "postgres.started"]);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
    expect((await readdir(directory.path)).sort()).toEqual([
      "cluster",
      "lock",
      "log",
      "password",
      "port",
      "run",
    ]);
  });

  test("right after it launched the server, the next start neither fails nor starts a second one", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const child = spawnStart(directory.path);
    const exit = once(child, "exit");
    const pid = await waitUntil("the server was launched", () => postmasterPid(directory.path));
    child.kill("SIGKILL");
    await exit;
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    if (server.pid !== pid) expect(await isDead(pid)).toBe(true);
    await server.stop();
  });
});

describe("a server that was left behind but doesn't fit is replaced", () => {
  test("when somebody removed its socket", async () => {
    await using directory = await directoryWithCluster();
    await (await startInChild(directory.path)).kill();
    await rm(path.join(directory.path, "run"), { recursive: true });
    const { log, fieldsOf } = recordingLog();
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(fieldsOf("postgres.replaced")).toMatchObject({ reason: "its socket was removed" });
    expect(await readdir(second.socketDirectory ?? "")).toContain(`.s.PGSQL.${second.port}`);
    await second.stop();
  });

  test("when other settings are wanted", async () => {
    await using directory = await directoryWithCluster();
    await (await startInChild(directory.path)).kill();
    const { log, fieldsOf } = recordingLog();
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log, maxConnections: 44 });
    expect(fieldsOf("postgres.replaced")).toMatchObject({ reason: "it runs with other settings" });
    expect(await query(second.url, "show max_connections")).toEqual([{ max_connections: "44" }]);
    await second.stop();
  });
});
