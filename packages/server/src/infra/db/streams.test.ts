import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { bury, inTransaction, publish, sql, streamVersion } from "./index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(async () => registry.close());

async function insertEvent(tx: Parameters<typeof publish>[0], version: number): Promise<void> {
  await sql`insert into events (id, version, ordinal, type) values (gen_random_uuid(), ${version}, 0, 'test')`.execute(
    tx,
  );
}

describe("a stream", () => {
  it("shows a reader no version while a lower one is still to come", async () => {
    const { db } = registry;
    await sql`truncate events`.execute(db);
    const before = await streamVersion(db, "events");
    const writers = Array.from({ length: 40 }, () =>
      inTransaction(db, (tx) => publish(tx, "events", (version) => insertEvent(tx, version))),
    );
    let reading = true;
    const reader = (async () => {
      while (reading) {
        const { rows } = await sql<{ version: number; stream: number; count: number }>`
          select coalesce(max(e.version), 0) as version, count(e.id) as count,
            (select version from stream_versions where stream = 'events') as stream
          from events e
        `.execute(db);
        // Every version up to the newest has its row: none is missing in between.
        expect(rows[0]!.count).toBe(rows[0]!.stream - before);
        expect(rows[0]!.version).toBe(rows[0]!.count === 0 ? 0 : rows[0]!.stream);
      }
    })();
    const versions = await Promise.all(writers);
    reading = false;
    await reader;
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => before + at + 1));
  });

  it("takes no version when the transaction comes to nothing", async () => {
    const { db } = registry;
    const before = await streamVersion(db, "routes");
    const failing = inTransaction(db, async (tx) => {
      await publish(tx, "routes", async () => undefined);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await streamVersion(db, "routes")).toBe(before);
  });

  it("tells listeners at commit, and keeps tombstones of what was deleted", async () => {
    const { db, notifications } = registry;
    const heard: string[] = [];
    notifications.on("tenantry_stream", (payload) => heard.push(payload));
    const version = await inTransaction(db, (tx) =>
      publish(tx, "runtime", (next) => bury(tx, "runtime", next, ["gone", "gone"])),
    );
    // LISTEN may come after the commit.
    await waitUntil("a change is heard", async () => {
      const next = await inTransaction(db, (tx) => publish(tx, "runtime", async () => undefined));
      return heard.includes(`runtime:${next}`) || heard.includes(`runtime:${version}`);
    });
    const { rows } =
      await sql`select key from stream_tombstones where stream = 'runtime' and version = ${version}`.execute(
        db,
      );
    expect(rows).toEqual([{ key: "gone" }]);
  });
});
