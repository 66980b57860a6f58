import { cloudEvent, type EventListReply, eventTypes } from "@tenantry/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createVersionWatch, inTransaction, sql } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { Api } from "../../infra/http/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { createEvents, eventRoutes } from "./index.ts";

const [tenantId, otherId, environmentId] = [newId(), newId(), newId()];
const appId = showId("app", newId());
let registry: TestRegistry;
let api: Api;
let url: string;
beforeAll(async () => {
  registry = await testRegistry();
  const { db, notifications } = registry;
  const versions = createVersionWatch({ db, notifications, log: silentLog, stream: "events" });
  const events = createEvents({ db, versions, source: "urn:uuid:1" });
  api = await createTestApi({ groups: [eventRoutes({ events })] });
  await api.listen({ port: 0, host: "127.0.0.1" });
  url = `http://127.0.0.1:${(api.server.address() as { port: number }).port}/v1/events`;
});
beforeEach(async () => {
  const { db } = registry;
  await sql`delete from events`.execute(db);
  await record("tenant.requested", "acme", environmentId);
  await record("tenant.activated", "acme");
  const releaseId = showId("rel", newId());
  await inTransaction(db, (tx) =>
    recordEvent(tx, { name: "app.released", data: { appId, releaseId, schemaVersion: 3 } }),
  );
  await record("tenant.activated", "other", undefined, otherId);
});
afterAll(async () => {
  await api.close();
  await registry.close();
});

async function record(
  name: "tenant.requested" | "tenant.activated" | "tenant.resumed",
  slug: string,
  environment?: string,
  tenant = tenantId,
): Promise<void> {
  const event = { name, tenantId: tenant, environmentId: environment, data: { slug, name: slug } };
  await inTransaction(registry.db, (tx) => recordEvent(tx, event));
}

async function ask(query = "", headers: Record<string, string> = asOperator) {
  const reply = await fetch(url + query, { headers });
  const body = (await reply.json()) as EventListReply & { code: string; errors: { pointer: string }[] };
  return { status: reply.status, body, types: body.items?.map(({ type }) => type) };
}

describe("GET /v1/events", () => {
  test("answers CloudEvents with the tenant, environment or application that they are of", async () => {
    const { body, status } = await ask();
    expect(status).toBe(200);
    const [requested, , released] = body.items;
    expect(cloudEvent.strict().parse(requested)).toMatchObject({
      specversion: "1.0",
      source: "urn:uuid:1",
      type: "tenantry.tenant.requested",
      subject: showId("tnt", tenantId),
      tenantid: showId("tnt", tenantId),
      environmentid: showId("env", environmentId),
      datacontenttype: "application/json",
      data: { slug: "acme", name: "acme" },
    });
    expect(released).toMatchObject({ type: "tenantry.app.released", subject: appId });
    for (const event of body.items) {
      expect(event.id).toMatch(/^evt_/);
      // What CloudEvents allows: lower-case letters and digits.
      expect(Object.keys(event).filter((name) => !/^[a-z0-9]{1,20}$/.test(name))).toEqual([]);
      expect(eventTypes).toContain(event.type);
    }
  });

  test("goes on by pages to the end, and later from there", async () => {
    const tenant = newId();
    const asked = `?tenantId=${showId("tnt", tenant)}`;
    for (const slug of ["a", "b", "c", "d"]) await record("tenant.activated", slug, undefined, tenant);
    const first = await ask(`${asked}&limit=3`);
    expect(first.types).toHaveLength(3);
    const second = await ask(`${asked}&limit=3&cursor=${first.body.nextCursor}`);
    expect(second.body.items.map(({ data }) => data.slug)).toEqual(["d"]);
    expect(second.body.nextCursor).toBeNull();
    await record("tenant.resumed", "a", undefined, tenant);
    expect((await ask(`${asked}&cursor=${second.body.cursor}`)).types).toEqual(["tenantry.tenant.resumed"]);
  });

  test("leaves out what wasn't asked for, and still says how far it has read", async () => {
    const ofOther = await ask(`?tenantId=${showId("tnt", otherId)}`);
    expect(ofOther.body.items.map(({ data }) => data.slug)).toEqual(["other"]);
    const none = await ask("?type=tenantry.tenant.failed");
    expect(none.types).toEqual([]);
    expect((await ask(`?cursor=${none.body.cursor}`)).types).toEqual([]);
    const two = await ask("?type=tenantry.app.released,tenantry.tenant.requested");
    expect(two.types).toEqual(["tenantry.tenant.requested", "tenantry.app.released"]);
  });

  test("is for keys with the permission alone", async () => {
    expect((await ask("", {})).status).toBe(401);
    expect((await ask("/stream", {})).status).toBe(401);
  });
});

describe("GET /v1/events/stream", () => {
  async function follow(query = "", headers: Record<string, string> = {}) {
    const client = new AbortController();
    const reply = await fetch(`${url}/stream${query}`, {
      headers: { ...asOperator, ...headers },
      signal: client.signal,
    });
    const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return {
      /** Reads on until the text holds `end`. */
      async until(end: RegExp): Promise<RegExpExecArray> {
        for (;;) {
          const match = end.exec(text);
          if (match) return match;
          const { value, done } = await reader.read();
          if (done) throw new Error(`It ended with: ${text}`);
          text += value;
        }
      },
      text: () => text,
      leave: () => client.abort(),
    };
  }
  const sent = (slug: string) => new RegExp(`id: (\\S+)\\ndata: (\\{.*"slug":"${slug}".*\\})\\n\\n`);

  test("begins now, and after a break goes on where it was", async () => {
    const first = await follow();
    const [, start] = await first.until(/^id: (\S+)\n\n/m);
    await record("tenant.activated", "fresh");
    const [, place, data] = await first.until(sent("fresh"));
    expect(cloudEvent.parse(JSON.parse(data!)).type).toBe("tenantry.tenant.activated");
    expect(first.text()).not.toContain("acme");
    first.leave();
    await record("tenant.activated", "missed");
    const second = await follow("", { "last-event-id": place! });
    await second.until(sent("missed"));
    expect(second.text()).not.toContain('"slug":"fresh"');
    second.leave();
    const fromStart = await follow(`?cursor=${start}`);
    await fromStart.until(sent("missed"));
    expect(fromStart.text()).toContain('"slug":"fresh"');
    fromStart.leave();
  });

  test("moves the place on when others' events pass", async () => {
    const ofOther = await follow(`?tenantId=${showId("tnt", otherId)}`);
    const [, start] = await ofOther.until(/^id: (\S+)\n\n/m);
    await record("tenant.activated", "acme");
    const [, later] = await ofOther.until(new RegExp(`^id: (?!${start}\\n)(\\S+)\\n\\n`, "m"));
    expect(ofOther.text()).not.toContain("data:");
    expect((await ask(`?cursor=${later}`)).types).toEqual([]);
    ofOther.leave();
  });

  test("refuses a place that isn't kept, or is none, before it begins", async () => {
    for (const slug of ["early", "late"]) await record("tenant.resumed", slug, undefined, newId());
    const early = (await ask("?limit=1")).body.nextCursor!;
    await sql`delete from events where version < (select max(version) from events)`.execute(registry.db);
    const gone = await fetch(`${url}/stream`, { headers: { ...asOperator, "last-event-id": early } });
    expect([gone.status, ((await gone.json()) as { code: string }).code]).toEqual([410, "cursor_expired"]);
    const none = await fetch(`${url}/stream?cursor=nonsense`, { headers: asOperator });
    expect(none.status).toBe(422);
  });
});
