import type { CloudEvent } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVersionWatch, inTransaction, sql, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createEvents, type Events } from "./index.ts";

let registry: TestRegistry;
let events: Events;
let tenants: TestTenant[];
beforeAll(async () => {
  registry = await testRegistry();
  const { db, notifications } = registry;
  const versions = createVersionWatch({ db, notifications, log: silentLog, stream: "events" });
  events = createEvents({ db, versions, source: "urn:uuid:test" });
  const appId = await insertTestApp(db, "sites");
  tenants = await Promise.all(["anna", "bert", "cleo"].map((slug) => insertTestTenant(db, appId, slug)));
});
afterAll(async () => registry.close());

/** The tenant's own revision is the truth that the order of its events is compared with. */
async function change(tx: Tx, { tenantId, slug }: TestTenant, wait: () => Promise<unknown>): Promise<void> {
  const { rows } = await sql<{ revision: number }>`
    update tenants set revision = revision + 1 where id = ${tenantId} returning revision
  `.execute(tx);
  await recordEvent(tx, {
    name: "tenant.updated",
    tenantId,
    data: { slug, changed: [String(rows[0]!.revision)] },
  });
  await wait();
}

const revisionOf = ({ data }: CloudEvent) => Number((data.changed as string[])[0]);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("events", () => {
  test("reach a reader who keeps up with concurrent writers all, once, and in each tenant's order", async () => {
    const { db } = registry;
    const { rows } = await sql<{
      slug: string;
      revision: number;
    }>`select slug, revision from tenants`.execute(db);
    const before = new Map(rows.map(({ slug, revision }) => [slug, revision]));
    const rounds = 30;
    const write = async (tenant: TestTenant) => {
      for (let round = 0; round < rounds; round += 1) {
        const givesUp = round % 5 === 4;
        await inTransaction(db, async (tx) => {
          await change(tx, tenant, turn);
          if (givesUp) throw new Error("rolled back");
        }).catch((error: Error) => expect(error.message).toBe("rolled back"));
      }
    };
    let isWriting = true;
    const start = await events.now();
    const writers = Promise.all([...tenants, ...tenants, ...tenants].map(write)).finally(() => {
      isWriting = false;
    });
    const seen: CloudEvent[] = [];
    let cursor: string | undefined = start;
    for (let last = false; !last; ) {
      last = !isWriting;
      for (let hasMore = true; hasMore; ) {
        const page = await events.read({}, { cursor, limit: 7 });
        seen.push(...page.items.map(({ event }) => event));
        ({ cursor, hasMore } = page);
      }
      await turn();
    }
    await writers;
    const committed = rounds - rounds / 5;
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map(({ sequence }) => sequence).sort());
    for (const { slug } of tenants) {
      const revisions = seen.filter(({ data }) => data.slug === slug).map(revisionOf);
      expect(revisions).toEqual(Array.from({ length: 3 * committed }, (_, at) => before.get(slug)! + at + 1));
    }
  });

  test("of a transaction that is still open come later, and hold back nothing that a cursor has passed", async () => {
    const { db } = registry;
    const [anna, bert] = tenants as [TestTenant, TestTenant];
    const start = await events.now();
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>();
    const { promise: written, resolve: hasWritten } = Promise.withResolvers<void>();
    const slow = inTransaction(db, (tx) =>
      change(tx, anna, async () => {
        hasWritten();
        await mayCommit;
      }),
    );
    await written;
    const fast = inTransaction(db, (tx) => change(tx, bert, turn));
    const early = await events.read({}, { cursor: start, limit: 10 });
    expect(early.items).toEqual([]);
    commit();
    await Promise.all([slow, fast]);
    const late = await events.read({}, { cursor: early.cursor, limit: 10 });
    expect(late.items.map(({ event }) => event.data.slug)).toEqual(["anna", "bert"]);
  });

  test("are followed from a cursor on, as they happen, and only those asked for", async () => {
    const { db } = registry;
    const [anna, bert] = tenants as [TestTenant, TestTenant];
    const stop = new AbortController();
    const start = await events.now();
    await inTransaction(db, (tx) => change(tx, anna, turn));
    const seen: string[] = [];
    const following = (async () => {
      for await (const page of events.follow({ tenantId: anna.tenantId }, start, stop.signal)) {
        seen.push(...page.items.map(({ event }) => event.subject!));
        if (seen.length === 1) await inTransaction(db, (tx) => change(tx, bert, turn));
        if (seen.length < 4) await inTransaction(db, (tx) => change(tx, anna, turn));
        else stop.abort();
      }
    })();
    await following;
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]).toMatch(/^tnt_/);
  });

  test("whose predecessors were removed are refused to a cursor before the gap, and given to one after it", async () => {
    const { db } = registry;
    const [anna] = tenants as [TestTenant];
    const before = await events.now();
    await inTransaction(db, (tx) => change(tx, anna, turn));
    const kept = await events.now();
    await inTransaction(db, (tx) => change(tx, anna, turn));
    const oldest = sql`(select version - 1 from stream_versions where stream = 'events')`;
    await sql`delete from events where version <= ${oldest}`.execute(db);
    await expect(events.read({}, { cursor: before, limit: 5 })).rejects.toMatchObject({
      code: "cursor_expired",
    });
    expect((await events.read({}, { cursor: kept, limit: 5 })).items).toHaveLength(1);
    expect((await events.read({}, { cursor: undefined, limit: 5 })).items).toHaveLength(1);
    const end = await events.now();
    await sql`delete from events`.execute(db);
    expect((await events.read({}, { cursor: end, limit: 5 })).items).toEqual([]);
    await expect(events.read({}, { cursor: kept, limit: 5 })).rejects.toMatchObject({
      code: "cursor_expired",
    });
  });

  test("aren't given to a cursor of a registry that was restored to an earlier time", async () => {
    const { db } = registry;
    const later = await events.now();
    await sql`update stream_versions set version = version - 1 where stream = 'events'`.execute(db);
    await expect(events.read({}, { cursor: later, limit: 5 })).rejects.toThrow("restored from a backup");
    await sql`update stream_versions set version = version + 1 where stream = 'events'`.execute(db);
  });
});
