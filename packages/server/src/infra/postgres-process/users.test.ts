import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  dataDirectory,
  directoryWithCluster,
  namespacesAllowed,
  query,
  recordingLog,
  startInChild,
} from "../../testing/embedded-postgres.ts";
import { type ForeignInstallation, foreignInstallation } from "../../testing/foreign-installation.ts";
import { findAccount } from "./identity.ts";
import { startEmbeddedPostgres } from "./index.ts";

let installation: ForeignInstallation;
beforeAll(async () => {
  installation = await foreignInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());

const code = () => ({ node: installation.node, source: installation.source });

const isRoot = process.getuid?.() === 0;
const run = promisify(execFile);
const someone = { uid: 65_534, gid: 65_534 };

/** The kernel's user of a process, whatever a namespace shows. */
async function userOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
}

test("an ordinary user needs no install script, no right to write to node_modules, and no other user's help", async () => {
  await using directory = await dataDirectory();
  const user = isRoot ? someone : undefined;
  if (user) await chown(path.dirname(directory.path), user.uid, user.gid);
  const first = await startInChild(directory.path, { ...code(), ...user });
  await query(first.postgres.url, "create table kept as select 42 as answer");
  expect(await userOf(first.postgres.pid)).toBe(user?.uid ?? process.getuid?.());
  await first.kill();
  const second = await startInChild(directory.path, { ...code(), ...user });
  expect(second.postgres).toMatchObject({ adopted: true, pid: first.postgres.pid });
  expect(await query(second.postgres.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  // Contributed modules load too, although their libraries' names are missing in node_modules.
  await query(
    second.postgres.url,
    "create extension pgcrypto; create extension pg_trgm; create extension xml2",
  );
});

test("where libraries can't be linked for a colon in the path, the refusal says what to do", async () => {
  await using directory = await dataDirectory("a:b");
  const user = isRoot ? someone : undefined;
  if (user) await chown(path.dirname(directory.path), user.uid, user.gid);
  await expect(startInChild(directory.path, { ...code(), ...user })).rejects.toMatchObject({
    code: "postgres_unavailable",
    message: expect.stringContaining("Run `npm rebuild` as the user who owns node_modules"),
  });
});

const namespaces = await namespacesAllowed();

test.runIf(isRoot && namespaces)(
  "a user whom the system doesn't list, as in a container, can start it",
  async () => {
    await using directory = await dataDirectory();
    const user = { uid: 54_321, gid: 54_321 };
    await chown(path.dirname(directory.path), user.uid, user.gid);
    const { postgres } = await startInChild(directory.path, { ...code(), ...user });
    expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await userOf(postgres.pid)).toBe(user.uid);
  },
);

describe.runIf(isRoot)("root", () => {
  const account = `tenantry-test-${process.pid}`;
  const cleanups: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  async function systemOptions() {
    const directory = await mkdtemp(path.join(tmpdir(), "tenantry-system-"));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    return { directory, account };
  }

  test.runIf(namespaces)(
    "runs the server in a namespace: in a directory that only root can enter, without an account",
    async () => {
      await using directory = await dataDirectory();
      const { log, fieldsOf } = recordingLog();
      const server = await startEmbeddedPostgres({ dataDir: directory.path, log, asRoot: "namespace" });
      expect(fieldsOf("postgres.started")).toMatchObject({ way: "mapped" });
      expect((await stat(path.join(directory.path, "cluster"))).uid).toBe(0);
      expect((await readFile(`/proc/${server.pid}/uid_map`, "utf8")).trim().split(/\s+/)[1]).toBe("0");
      expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
      await server.stop();
    },
  );

  test("runs it under a created account where namespaces are refused, and adopts and restarts it there", async () => {
    await using directory = await dataDirectory();
    await chmod(path.dirname(directory.path), 0o700);
    const system = await systemOptions();
    cleanups.push(() => run("userdel", [account]));
    const options = { asRoot: "account", system } as const;
    const first = await startInChild(directory.path, { options });
    const home = path.dirname(await readlink(path.join(directory.path, "cluster")));
    expect(home.startsWith(path.join(system.directory, "clusters/"))).toBe(true);
    const created = findAccount(account);
    expect(created?.uid).toBeGreaterThan(0);
    expect(await userOf(first.postgres.pid)).toBe(created?.uid);
    await query(first.postgres.url, "create table kept as select 42 as answer");
    await first.kill();

    const { log, events } = recordingLog();
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log, ...options });
    expect(second).toMatchObject({ adopted: true, pid: first.postgres.pid });
    await second.stop();
    const third = await startEmbeddedPostgres({ dataDir: directory.path, log, system });
    expect(await query(third.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    expect(await userOf(third.pid)).toBe(created?.uid);
    await third.stop();
    expect(events()).toEqual([
      "postgres.adopted",
      "postgres.stopped",
      "postgres.started",
      "postgres.stopped",
    ]);
    expect((await stat(path.join(home, "cluster"))).mode & 0o777).toBe(0o700);
  });

  test("runs an ordinary user's cluster as that user, who can start it again afterwards", async () => {
    await using directory = await dataDirectory();
    await chown(path.dirname(directory.path), someone.uid, someone.gid);
    const system = await systemOptions();
    const theirs = await startInChild(directory.path, { ...code(), ...someone });
    await query(theirs.postgres.url, "create table kept as select 42 as answer");
    await theirs.kill();

    const { log } = recordingLog();
    const adopted = await startEmbeddedPostgres({ dataDir: directory.path, log, system });
    expect(await query(adopted.url, "select answer from kept")).toEqual([{ answer: 42 }]);
    await adopted.stop();
    const restarted = await startEmbeddedPostgres({ dataDir: directory.path, log, system });
    expect(await userOf(restarted.pid)).toBe(someone.uid);
    await restarted.stop();

    const again = await startInChild(directory.path, { ...code(), ...someone });
    expect(await query(again.postgres.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("is told when the place that an account's cluster lies in has gone", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    await rm(path.join(directory.path, "cluster"), { recursive: true });
    await symlink("/nowhere/home/cluster", path.join(directory.path, "cluster"));
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: "data_dir_unusable",
      message: expect.stringContaining("lies in /nowhere/home, which can't be found"),
    });
  });

  test("may keep its cluster on another disk, behind a link", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const other = path.join(path.dirname(directory.path), "disk");
    await mkdir(other);
    await rename(path.join(directory.path, "cluster"), path.join(other, "cluster"));
    await symlink("../disk/cluster", path.join(directory.path, "cluster"));
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
  });

  test("is told what to type when its old cluster can't run in a namespace any more", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const system = await systemOptions();
    await chown(path.join(directory.path, "cluster"), 0, 0);
    const start = startEmbeddedPostgres({ dataDir: directory.path, log, asRoot: "account", system });
    await expect(start).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: expect.stringContaining(`ln -s '${system.directory}/clusters/moved/cluster'`),
    });
    expect((await lstat(path.join(directory.path, "cluster"))).isDirectory()).toBe(true);
  });

  test("tells an ordinary user whose directory it made that it isn't theirs", async () => {
    await using directory = await directoryWithCluster();
    await chmod(path.dirname(directory.path), 0o755);
    await expect(startInChild(directory.path, { ...code(), ...someone })).rejects.toMatchObject({
      code: "data_dir_unusable",
      message: expect.stringContaining("Start as the user it belongs to"),
    });
  });
});
