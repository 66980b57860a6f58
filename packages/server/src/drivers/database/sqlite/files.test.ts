import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { openTestFile, runInFile } from "../../../testing/sqlite-file.ts";
import { schemaOf } from "../driver.testsuite.ts";
import type { BuiltDatabase, DatabaseServer } from "../driver.ts";
import { portableNotes } from "../harness.testsuite.ts";
import { openSqliteDirectory } from "./directory.ts";
import { createSqliteDriver } from "./index.ts";
import { createFiles } from "./open-file.ts";

const driver = createSqliteDriver();
const appId = newId();
const schema = schemaOf(appId, portableNotes);
let outside: string;
let root: string;
let server: DatabaseServer;
let built: BuiltDatabase;
let file: string;
const removed = (name: string) => driver.remove(testContext(), { server, thing: { kind: "database", name } });

beforeAll(async () => {
  outside = await mkdtemp(path.join(tmpdir(), "tenantry-files-"));
  root = path.join(outside, "sqlite");
  const directory = openSqliteDirectory(root);
  server = { id: await directory.claim(newId()), url: directory.url };
  await driver.buildBlueprint(testContext(), { server, schema });
});
afterAll(() => rm(outside, { recursive: true, force: true }));
beforeEach(async () => {
  built = await build();
  file = fileOf(built);
});

const build = (encryptionKey?: string) =>
  driver.build(testContext(), { server, databaseId: newId(), schema, encryptionKey });
const fileOf = (one: BuiltDatabase) => fileURLToPath(driver.connectionUrl(server, one));
const modeOf = async (place: string) => (await lstat(place)).mode & 0o777;
const bodies = (one: BuiltDatabase, encryptionKey?: string) =>
  runInFile({ file: fileOf(one), encryptionKey }, "select body from notes");

test("a file and its directory are their user's alone, and whoever passes through can't look around", async () => {
  expect(await modeOf(file)).toBe(0o600);
  expect(await modeOf(path.dirname(file))).toBe(0o700);
  for (const passed of [path.dirname(path.dirname(file)), root]) expect(await modeOf(passed)).toBe(0o711);
  for (const ours of ["making", "blueprints"]) expect(await modeOf(path.join(root, ours))).toBe(0o700);
});

test.runIf(process.getuid!() === 0)(
  "started by root, each application's user reads its own tenants' files, and no other application's",
  async () => {
    const other = newId();
    const users = new Map([
      [appId, 70_001],
      [other, 70_002],
    ]);
    const asOthers = createSqliteDriver({ ownerOf: async (id) => users.get(id) });
    await driver.buildBlueprint(testContext(), { server, schema: schemaOf(other, portableNotes) });
    const [own, others] = await Promise.all(
      [appId, other].map((id) => {
        const request = { server, databaseId: newId(), schema: schemaOf(id, portableNotes) };
        return asOthers.build(testContext(), request);
      }),
    );
    await chmod(outside, 0o711);
    const mayRead = (one: BuiltDatabase, uid: number) =>
      promisify(execFile)("head", ["-c", "1", fileOf(one)], { uid, gid: uid }).then(
        () => true,
        () => false,
      );
    expect(await mayRead(own!, 70_001)).toBe(true);
    expect(await mayRead(others!, 70_001)).toBe(false);
    expect(await mayRead(own!, 70_002)).toBe(false);
    expect(await asOthers.verify(server, own!)).toEqual([]);
    expect(await driver.verify(server, own!)).toContain(
      `${fileOf(own!)} belongs to the user 70001 instead of 0.`,
    );
    const later = schemaOf(appId, portableNotes, "alter table notes add column stars int not null default 3");
    await asOthers.migrate(testContext(), { server, database: own!, schema: later });
    // What is written beside a file by root belongs to its user, too.
    await using open = await openTestFile({ file: fileOf(own!) });
    await open.run("insert into notes (body) values ('by root')");
    expect((await lstat(`${fileOf(own!)}-wal`)).uid).toBe(70_001);
    expect((await lstat(`${fileOf(own!)}-shm`)).uid).toBe(70_001);
  },
);

/** It may read this code, though a directory above may be closed to others; what it makes is its own, and stays so. */
const asOrdinaryUser = [
  ...["setpriv", "--reuid=65534", "--regid=100", "--clear-groups"],
  ...["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"],
];

/** Builds a file of a server, and looks at it, in a process of its own. */
const elsewhere = `
  const { openSqliteDirectory } = await import(${JSON.stringify(new URL("./directory.ts", import.meta.url).href)});
  const { createSqliteDriver } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
  const { root, appId, databaseId, schema } = JSON.parse(process.argv[1]);
  const directory = openSqliteDirectory(root);
  const server = { id: await directory.claim(databaseId), url: directory.url };
  const done = async () => undefined;
  const context = { operationId: databaseId, fence: 1, signal: new AbortController().signal, assertLease: done,
    declareResource: done, resourcePresent: done, resourceRemoved: done };
  const driver = createSqliteDriver();
  await driver.buildBlueprint(context, { server, schema });
  const built = await driver.build(context, { server, databaseId, schema });
  console.log(JSON.stringify(await driver.verify(server, built)));
  process.exit();
`;

test("started by an ordinary user, whose group has another number, files are that user's and sound", async () => {
  const place = await mkdtemp(path.join(tmpdir(), "tenantry-ordinary-"));
  if (process.getuid!() === 0) await chown(place, 65_534, 100);
  const given = { root: path.join(place, "files"), appId, databaseId: newId(), schema };
  const command = [process.execPath, "--input-type=module", "-e", elsewhere, JSON.stringify(given)];
  const [file, ...args] = process.getuid!() === 0 ? [...asOrdinaryUser, ...command] : command;
  const { stdout } = await promisify(execFile)(file!, args, { cwd: "/" });
  expect(JSON.parse(stdout)).toEqual([]);
  await rm(place, { recursive: true });
});

test("names that this driver can't have given are refused before anything is touched", async () => {
  const victim = path.join(outside, "victim");
  await mkdir(victim, { recursive: true });
  for (const name of ["../../victim", "..", "", "tna_x.tn_y", `${built.name}/../..`, `${built.name}.x`]) {
    await expect(removed(name)).rejects.toThrow("is no database in a file");
    await expect(driver.measure(server, { name, roleName: null })).rejects.toThrow("is no database");
  }
  expect((await lstat(victim)).isDirectory()).toBe(true);
});

describe("verify names", () => {
  const problems = (encryptionKey?: string) => driver.verify(server, { ...built, encryptionKey });

  test("a file or directory that is open to others", async () => {
    await chmod(file, 0o644);
    await chmod(path.dirname(file), 0o755);
    expect(await problems()).toEqual([
      `${path.dirname(file)} is open to other users.`,
      `${file} is open to other users.`,
    ]);
  });

  test("a file that was swapped with another tenant's", async () => {
    const other = await build();
    await rename(file, `${file}.aside`);
    await rename(fileOf(other), file);
    await rename(`${file}.aside`, fileOf(other));
    expect(await problems()).toEqual([`The file of ${built.name} is another database's.`]);
  });

  test("a link in a file's place, and doesn't follow it; nor does a migration", async () => {
    const other = await build();
    await rm(file);
    await symlink(fileOf(other), file);
    expect(await problems()).toEqual([`${file} is no file.`]);
    const later = schemaOf(appId, portableNotes, "alter table notes add column stars int not null default 3");
    const migration = driver.migrate(testContext(), { server, database: built, schema: later });
    await expect(migration).rejects.toMatchObject({ code: "environment_unavailable" });
    await rm(file);
    await link(fileOf(other), file);
    expect(await problems()).toEqual([`${file} may be reached by another name, too.`]);
  });

  test("a damaged file, whose neighbours don't notice", async () => {
    const neighbour = await build();
    await writeFile(file, Buffer.alloc(8_192, "damaged"));
    expect(await problems()).toEqual([
      `The file of ${built.name} is damaged, or encrypted with another key.`,
    ]);
    const migration = driver.migrate(testContext(), { server, database: built, schema });
    await expect(migration).rejects.toMatchObject({ code: "environment_unavailable" });
    expect(await driver.verify(server, neighbour)).toEqual([]);
    expect(await bodies(neighbour)).toEqual([{ body: "from the migration" }]);
    const context = testContext();
    await driver.remove(context, { server, thing: { kind: "database", name: built.name } });
    expect(await driver.verify(server, built)).toEqual([`The database ${built.name} isn't there.`]);
  });
});

test("an encrypted file holds nothing that can be read, and opens with its own key alone", async () => {
  const [key, otherKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map((one) => one.toString("base64"));
  const encrypted = await build(key);
  expect(await readFile(file, "latin1")).toContain("from the migration");
  const content = await readFile(fileOf(encrypted), "latin1");
  for (const readable of ["from the migration", "SQLite format", "create table"])
    expect(content).not.toContain(readable);
  expect(await bodies(encrypted, key)).toEqual([{ body: "from the migration" }]);
  await expect(bodies(encrypted, otherKey)).rejects.toThrow("with its key");
  expect(await driver.verify(server, { ...encrypted, encryptionKey: otherKey })).toEqual([
    `The file of ${encrypted.name} is damaged, or encrypted with another key.`,
  ]);
});

test("who leaves a file first ends no transaction of another's on it, and a migration waits for it", async () => {
  const files = createFiles();
  const { migrated } = await files({ path: file }, (first) =>
    first.transaction("write", async (transaction) => {
      const migrated = files({ path: file }, (other) => other.script(["create table late (id int)"]));
      migrated.catch(() => undefined);
      await transaction.rows("insert into notes (body) values ('one')");
      const seen = await files({ path: file }, (second) =>
        second.transaction("read", (reading) => reading.rows("select body from notes")),
      );
      expect(seen).toEqual([["from the migration"]]);
      await transaction.rows("insert into notes (body) values ('two')");
      return { migrated };
    }),
  );
  await migrated;
  expect(await bodies(built)).toEqual(["from the migration", "one", "two"].map((body) => ({ body })));
});

test("a file goes with what SQLite writes beside it", async () => {
  await using open = await openTestFile({ file });
  await open.run("insert into notes (body) values ('in the log')");
  expect((await lstat(`${file}-wal`)).size).toBeGreaterThan(0);
  await removed(built.name);
  await expect(lstat(path.dirname(file))).rejects.toThrow("ENOENT");
});

test("what the operation's holder before left half-made of a blueprint is gone when the next one comes", async () => {
  const context = testContext();
  const name = await driver.buildBlueprint(context, { server, schema });
  const [own, others] = [context.operationId, newId()].map((id) => `${name}.${id}.1`);
  for (const one of [own!, `${own}.whole`, others!]) await writeFile(path.join(root, "making", one), "half");
  await driver.buildBlueprint(context.next(), { server, schema });
  expect(await readdir(path.join(root, "making"))).toEqual([others]);
  await rm(path.join(root, "making", others!));
});

test("what somebody who was killed left of the making of a file is gone when it is built again, and its rows stay", async () => {
  const databaseId = newId();
  const request = { server, databaseId, schema };
  const first = await driver.build(testContext(), request);
  await link(fileOf(first), path.join(root, "making", `${first.name}.killed.1.whole`));
  expect(await driver.verify(server, first)).not.toEqual([]);
  await runInFile({ file: fileOf(first) }, "delete from notes");
  const again = await driver.build(testContext(), request);
  expect(await driver.verify(server, again)).toEqual([]);
  expect(await bodies(again)).toEqual([]);
});

test("a directory that isn't the server's own is refused, whatever lies there", async () => {
  const elsewhere = openSqliteDirectory(path.join(outside, "elsewhere"));
  await elsewhere.claim(newId());
  const moved = { ...server, url: elsewhere.url };
  const gone = { ...server, url: `${server.url}-gone` };
  for (const there of [moved, gone])
    await expect(driver.list(there)).rejects.toMatchObject({ code: "server_unreachable" });
  expect(await elsewhere.claim(newId())).toBe(await elsewhere.claimed());
});

test("whoever is interrupted at any proof or note of what he makes, the next one finishes it, or takes it back", async () => {
  for (let interruptedAt = 1, interrupted = true; interrupted; interruptedAt += 1) {
    const own = schemaOf(newId(), portableNotes);
    const databaseId = newId();
    const before = await driver.list(server);
    let calls = 0;
    const first = testContext({
      before() {
        calls += 1;
        if (calls >= interruptedAt) throw new Error("interrupted");
      },
    });
    const work = async (context: typeof first) => {
      await driver.buildBlueprint(context, { server, schema: own });
      return driver.build(context, { server, databaseId, schema: own });
    };
    interrupted = await work(first).then(
      () => false,
      (error: Error) => error.message === "interrupted",
    );
    const next = first.next();
    const made = await work(next);
    expect(await driver.verify(server, made), `interrupted at call ${interruptedAt}`).toEqual([]);
    for (const { name } of await driver.list(server)) {
      if (!before.some((known) => known.name === name))
        await driver.remove(next, { server, thing: { kind: "database", name } });
    }
    expect(await driver.list(server)).toEqual(before);
    expect(next.resources()).toEqual([]);
    expect(interruptedAt).toBeLessThan(20);
  }
});
