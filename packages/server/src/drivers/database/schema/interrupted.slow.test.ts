import { afterAll, beforeAll, expect, test } from "vitest";
import { failure, newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { notes, runAt, schemaOf } from "../driver.testsuite.ts";
import type { DatabaseServer } from "../driver.ts";
import { createSchemaDriver } from "./index.ts";

const driver = createSchemaDriver({ installationId: newId() });
let postgres: TestServer;
let server: DatabaseServer;
beforeAll(async () => {
  postgres = await embeddedLikeServer();
  server = { id: newId(), url: postgres.url };
});
afterAll(() => postgres.stop());

test("whoever is interrupted at any proof or note of what he makes, the next one finishes it, or takes it back", async () => {
  for (let interruptedAt = 1, interrupted = true; interrupted; interruptedAt += 1) {
    const schema = schemaOf(newId(), notes);
    const databaseId = newId();
    await driver.buildBlueprint(testContext(), { server, schema });
    const before = await driver.list(server);
    let calls = 0;
    const first = testContext({
      before() {
        calls += 1;
        if (calls >= interruptedAt) throw new Error("interrupted");
      },
    });
    const work = async (context: typeof first) => {
      await driver.prepare(context, { server, schema });
      return driver.build(context, { server, databaseId, schema });
    };
    interrupted = await work(first).then(
      () => false,
      (error: Error) => error.message === "interrupted",
    );
    const next = first.next();
    const built = await work(next);
    expect(await driver.verify(server, built), `interrupted at call ${interruptedAt}`).toEqual([]);
    const rows = await runAt(driver.connectionUrl(server, built), "select body from notes");
    expect(rows).toEqual([{ body: "from the migration" }]);
    await driver.remove(next, { server, thing: { kind: "database", name: built.name } });
    expect(await driver.list(server)).toEqual(before);
    expect(interruptedAt).toBeLessThan(100);
  }
}, 400_000);

test("one who finds a database of schemas that another operation has noted, and not finished, finishes it", async () => {
  const schema = schemaOf(newId(), notes);
  await driver.buildBlueprint(testContext(), { server, schema });
  let noted = false;
  const killed = testContext({
    before(call) {
      if (noted) throw new Error("killed");
      noted = call === "resourcePresent";
    },
  });
  await expect(driver.prepare(killed, { server, schema })).rejects.toThrow("killed");
  const other = testContext({
    before(call, about) {
      if (call === "declareResource" && about?.kind === "database") throw failure("busy");
    },
  });
  await driver.prepare(other, { server, schema });
  const built = await driver.build(testContext(), { server, databaseId: newId(), schema });
  expect(await driver.verify(server, built)).toEqual([]);
});
