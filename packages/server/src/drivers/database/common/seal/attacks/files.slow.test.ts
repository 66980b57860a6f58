import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteHandles, type Database, openSqlite, type SqliteHandles } from "@tenantry/data";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fileAttacks } from "./files.ts";

const secret = "the neighbour's secret";
let directory: string;
let handles: SqliteHandles;
let attacker: Database;
let neighbour: Database;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-attacks-"));
  handles = createSqliteHandles({
    statementTimeoutMs: 1_500,
    maxProcesses: 2,
    answerBytes: 8_000_000,
    heapBytes: 64_000_000,
  });
  const make = async (name: string, body: string): Promise<Database> => {
    const database = await openSqlite({ file: join(directory, `${name}.db`), create: true }, handles);
    await database.migrate("create table notes (id serial primary key, body text not null)");
    await database.query("insert into notes (body) values ($1)", [body]);
    return database;
  };
  attacker = await make("attacker", "mine");
  neighbour = await make("neighbour", secret);
});
afterAll(async () => {
  await handles?.close();
  await rm(directory, { recursive: true, force: true });
});

let left: string[];
beforeEach(async () => {
  left = await files();
});

const files = async (): Promise<string[]> =>
  (await readdir(directory))
    .map((name) => name.replace(/-(wal|shm)$/, ""))
    .filter((name, index, all) => all.indexOf(name) === index);

type Way = (text: string, values: readonly unknown[]) => Promise<unknown[]>;
const ways: [name: string, way: Way][] = [
  ["by query()", async (text, values) => (await attacker.query(text, values)).rows],
  [
    "in a transaction",
    (text, values) => attacker.transaction(async (tx) => (await tx.query(text, values)).rows),
  ],
  [
    "by stream()",
    async (text, values) => {
      const rows: unknown[] = [];
      for await (const row of attacker.stream(text, values))
        if (rows.push(row) > 100_000) throw Object.assign(new Error("enough"), { code: "57014" });
      return rows;
    },
  ],
];

// The heavy ones take their time: they are tried in one way.
const heavy = "Taking all";

describe.each(ways)("%s", (name, way) => {
  test.each(fileAttacks.filter(({ group }) => group !== heavy || name === "by query()"))(
    "$group: $title",
    async ({ text, values = [], outcome }) => {
      const slowest = neighbourBeside();
      const came = await way(text, values).then(
        (rows) => ({ rows }),
        (error: { code?: string }) => ({ code: error.code }),
      );
      if (outcome === "nothing") expect(came).toHaveProperty("rows");
      else expect(outcome).toContain((came as { code?: string }).code);
      expect(JSON.stringify(came)).not.toContain(secret);
      expect(await files()).toEqual(left);
      expect(await slowest()).toBe(secret);
      expect((await attacker.query("select count(*)::int as count from notes")).rows).toEqual([{ count: 1 }]);
    },
  );
});

/** The neighbour's own work, which goes on beside; answers what it saw. */
function neighbourBeside(): () => Promise<string> {
  const asked = neighbour.query<{ body: string }>("select body from notes");
  asked.catch(() => undefined);
  return async () => (await asked).rows[0]!.body;
}
