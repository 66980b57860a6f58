import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  dataDirectory,
  directoryWithCluster,
  initdbIsAtWork,
  namespacesAllowed,
  postmasterPid,
  query,
  recordingLog,
  startInChild,
} from "../../testing/embedded-postgres.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { locateBinaries } from "./binaries.ts";
import { startEmbeddedPostgres } from "./index.ts";

const namespaces = await namespacesAllowed();

describe("a start that can't succeed", () => {
  test("because a file can't grow: one sentence with initdb's last words, nothing left, and the next start succeeds", async () => {
    await using directory = await dataDirectory();
    const wrapper = ["prlimit", "--fsize=500000"];
    const start = startInChild(directory.path, { wrapper });
    await expect(start).rejects.toMatchObject({
      code: "postgres_initialisation_failed",
      message: expect.stringMatching(
        /^PostgreSQL couldn't make its files in \S+\. Its last words: .*(File too large|File size limit).*$/,
      ),
    });
    expect((await readdir(directory.path)).sort()).toEqual(["lock", "password"]);
    const { log } = recordingLog();
    await (await startEmbeddedPostgres({ dataDir: directory.path, log })).stop();
  });

  test.runIf(namespaces)("on a full disk says how little is free", async () => {
    await using directory = await dataDirectory();
    await mkdir(directory.path);
    const inSmallDisk = 'mount -t tmpfs -o size=20m none "$0" && exec "$@"';
    const wrapper = [
      "unshare",
      "--user",
      "--map-root-user",
      "--mount",
      "sh",
      "-c",
      inSmallDisk,
      directory.path,
    ];
    await expect(startInChild(directory.path, { wrapper })).rejects.toMatchObject({
      code: "postgres_initialisation_failed",
      message: expect.stringMatching(/^PostgreSQL couldn't make .* Only \d+ MB are free .*free disk space/),
    });
  });

  test("on a platform without programs says so, and names DATABASE_URL as the way out", () => {
    expect(() => locateBinaries("sunos-sparc")).toThrow(
      expect.objectContaining({
        code: "postgres_unavailable",
        message: expect.stringMatching(/no embedded PostgreSQL for sunos-sparc here.*Set DATABASE_URL/),
      }),
    );
  });

  test("on another major version's cluster is refused, and the cluster stays as it was", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    await writeFile(path.join(directory.path, "cluster/PG_VERSION"), "17\n");
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: "postgres_version_mismatch",
      message: expect.stringContaining("made by PostgreSQL 17, and this is PostgreSQL 18"),
    });
    expect(await readFile(path.join(directory.path, "cluster/PG_VERSION"), "utf8")).toBe("17\n");
  });

  test("tells what the server said, where its log is, and frees the directory", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    await appendFile(path.join(directory.path, "cluster/postgresql.conf"), "\nno_such_setting = 1\n");
    const expected = { code: "postgres_start_failed", message: expect.stringContaining("no_such_setting") };
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject(expected);
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: "postgres_start_failed",
      message: expect.stringContaining(path.join(directory.path, "log/postgres.log")),
    });
  });

  test("for a file of the wrong kind in the data directory is refused with a sentence", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    await writeFile(path.join(directory.path, "log"), "");
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: "data_dir_unusable",
      message: expect.stringMatching(
        /^The data directory \S+ can't be used \(EEXIST: .*\)\. Choose another one\.$/,
      ),
    });
  });

  test("is ended by its signal without leaving a process or half a cluster", async () => {
    await using directory = await dataDirectory();
    const { log } = recordingLog();
    const stop = new AbortController();
    const start = startEmbeddedPostgres({ dataDir: directory.path, log, signal: stop.signal });
    const outcome = expect(start).rejects.toThrow("changed my mind");
    await waitUntil("initdb is at work", () => initdbIsAtWork(directory.path));
    stop.abort(new Error("changed my mind"));
    await outcome;
    expect((await readdir(directory.path)).sort()).toEqual(["lock", "password"]);
    expect(await postmasterPid(directory.path)).toBeUndefined();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
  });
});

test("a lost password file is replaced by a new one, and the data stays", async () => {
  await using directory = await directoryWithCluster();
  const { log, events } = recordingLog();
  const first = await startEmbeddedPostgres({ dataDir: directory.path, log });
  await query(first.url, "create table kept as select 42 as answer");
  await first.stop();
  await rm(path.join(directory.path, "password"));
  const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
  expect(second.url).not.toBe(first.url);
  expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  await expect(query(first.url, "select 1")).rejects.toThrow(/password authentication failed/);
  expect(events()).toContain("postgres.password_replaced");
  await second.stop();
});

test("a server log of more than 10 MiB is moved aside at the start, and one old log is kept", async () => {
  await using directory = await directoryWithCluster();
  const { log } = recordingLog();
  const logFile = path.join(directory.path, "log/postgres.log");
  await (await startEmbeddedPostgres({ dataDir: directory.path, log })).stop();
  await truncate(logFile, 11 * 1024 * 1024);
  await (await startEmbeddedPostgres({ dataDir: directory.path, log })).stop();
  expect((await readFile(`${logFile}.1`)).length).toBe(11 * 1024 * 1024);
  const kept = await readFile(logFile, "utf8");
  expect(kept.length).toBeLessThan(10_000);
  expect(kept).toContain("database system is ready to accept connections");
});
