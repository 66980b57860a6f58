import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { newId } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { leaseBackends, releaseBackends } from "./index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(() => registry.close());

async function serverWith(maxBackends: number): Promise<string> {
  const id = newId();
  await sql`
    insert into database_servers (id, name, kind, url_secret, max_backends)
    values (${id}, ${id}, 'external', '', ${maxBackends})`.execute(registry.db);
  return id;
}

test("processes never hold more backends together than the server's budget, however they ask", async () => {
  const serverId = await serverWith(20);
  const granted = await Promise.all(
    Array.from({ length: 8 }, (_, index) => leaseBackends(registry.db, `node-${index}`, serverId, 6)),
  );
  expect(granted.reduce((sum, one) => sum + one, 0)).toBe(20);
  expect(granted.filter((one) => one === 6)).toHaveLength(3);
  expect(await leaseBackends(registry.db, "late", serverId, 1)).toBe(0);
});

test("who renews keeps his, may ask for less, and others get what he gives back", async () => {
  const serverId = await serverWith(10);
  expect(await leaseBackends(registry.db, "a", serverId, 8)).toBe(8);
  expect(await leaseBackends(registry.db, "a", serverId, 8)).toBe(8);
  expect(await leaseBackends(registry.db, "b", serverId, 8)).toBe(2);
  expect(await leaseBackends(registry.db, "a", serverId, 3)).toBe(3);
  expect(await leaseBackends(registry.db, "b", serverId, 8)).toBe(7);
  await releaseBackends(registry.db, "b");
  expect(await leaseBackends(registry.db, "a", serverId, 20)).toBe(10);
});

test("what isn't renewed goes to others", async () => {
  const serverId = await serverWith(10);
  expect(await leaseBackends(registry.db, "dead", serverId, 10, 1)).toBe(10);
  await expect.poll(() => leaseBackends(registry.db, "alive", serverId, 10)).toBe(10);
  expect(await leaseBackends(registry.db, "dead", serverId, 10)).toBe(0);
});
