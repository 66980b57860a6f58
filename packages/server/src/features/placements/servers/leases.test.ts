import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../../infra/db/index.ts";
import { newId } from "../../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../../testing/registry.ts";
import { type Holder, leaseBackends, releaseBackends } from "../index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(() => registry.close());

const app = newId();
const other = newId();
const of = (appId: string, process: string): Holder => ({ appId, process });

const sumOf = (counts: readonly number[]) => counts.reduce((sum, one) => sum + one, 0);

async function serverWith(maxBackends: number): Promise<string> {
  const id = newId();
  await sql`
    insert into database_servers (id, name, kind, url_secret, max_backends)
    values (${id}, ${id}, 'external', '', ${maxBackends})`.execute(registry.db);
  return id;
}

const lease = (holder: Holder, serverId: string, wanted: number, leaseMs?: number) =>
  leaseBackends(registry.db, holder, serverId, wanted, leaseMs);

test("processes never hold more backends together than the server's budget, however they ask", async () => {
  const serverId = await serverWith(20);
  const granted = await Promise.all(
    Array.from({ length: 8 }, (_, index) => lease(of(index % 2 ? app : other, `${index}`), serverId, 6)),
  );
  expect(sumOf(granted)).toBeLessThanOrEqual(20);
  const later = await Promise.all(
    Array.from({ length: 8 }, (_, index) => lease(of(newId(), `${index}`), serverId, 6)),
  );
  expect(sumOf([...granted, ...later])).toBe(20);
});

test("who renews keeps his, may ask for less, and others get what he gives back", async () => {
  const serverId = await serverWith(10);
  expect(await lease(of(app, "a"), serverId, 6)).toBe(6);
  expect(await lease(of(app, "a"), serverId, 6)).toBe(6);
  expect(await lease(of(app, "b"), serverId, 6)).toBe(2);
  expect(await lease(of(app, "a"), serverId, 3)).toBe(3);
  expect(await lease(of(app, "b"), serverId, 6)).toBe(5);
  await releaseBackends(registry.db, of(app, "b"));
  expect(await lease(of(app, "a"), serverId, 20)).toBe(8);
});

test("what isn't renewed goes to others", async () => {
  const serverId = await serverWith(10);
  expect(await lease(of(app, "dead"), serverId, 8, 1)).toBe(8);
  await expect.poll(() => lease(of(app, "alive"), serverId, 8)).toBe(8);
  expect(await lease(of(app, "dead"), serverId, 8)).toBe(0);
});

test("an application that names two hundred processes leaves room for another, and then gets no more than that one", async () => {
  const serverId = await serverWith(50);
  const grab = async (round: string) => {
    const granted: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      granted.push(await lease(of(app, `${round}-${index}`), serverId, 50));
    }
    return sumOf(granted);
  };
  // An eighth is kept for who comes next.
  expect(await grab("first")).toBe(43);
  expect(await lease(of(other, "process"), serverId, 25)).toBe(7);
  await sql`
    update backend_leases set lease_until = now() where server_id = ${serverId} and starts_with(holder, ${app})
  `.execute(registry.db);
  expect(await grab("second")).toBe(21);
  expect(await lease(of(other, "process"), serverId, 25)).toBe(21);
});

test("an application can't hold backends in another's name", async () => {
  const serverId = await serverWith(50);
  expect(await lease(of(app, `${other}/x`), serverId, 43)).toBe(43);
  expect(await lease(of(other, "x"), serverId, 25)).toBe(7);
});
