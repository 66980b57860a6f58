import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { embeddedLikeServer, type TestServer } from "../../../server/src/testing/database-servers.ts";
import { testPgbouncer } from "../../../server/src/testing/pgbouncer.ts";
import {
  nowSeconds,
  type SealedDatabase,
  sealedDatabase,
} from "../../../server/src/testing/sealed-database.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { createPools, type Pools } from "../pools/index.ts";

let server: TestServer;
let sealed: SealedDatabase;
beforeAll(async () => {
  server = await embeddedLikeServer();
  sealed = await sealedDatabase(server, { pooled: true });
});
afterAll(() => server?.stop());

const idOf = (number: number): string => `0192aaaa-0000-7000-8000-${String(number).padStart(12, "0")}`;

// The data path doesn't rely on how the pooler was set up; whoever else comes through it has to.
describe.each([
  { resetAlways: true, connections: 3 },
  { resetAlways: false, connections: 1 },
])("behind pgbouncer in transaction mode, %o", (options) => {
  let bouncer: Awaited<ReturnType<typeof testPgbouncer>>;
  let superuser: pg.Client;
  let pools: Pools;
  const clients: pg.Client[] = [];

  beforeAll(async () => {
    bouncer = await testPgbouncer(sealed.url, options);
    superuser = new pg.Client({ connectionString: sealed.superuserUrl });
    await superuser.connect();
    pools = createPools({ budgets: () => 8, environmentShare: 1, statementTimeoutMs: 1_000 });
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await superuser.query("truncate notes, tags, log");
  });
  afterAll(async () => {
    await pools?.close();
    await superuser?.end();
    await bouncer?.stop();
  });

  function tenant(number: number): Database {
    const { databaseId, key } = sealed;
    const environmentId = idOf(number);
    const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: true };
    return openDatabase({
      pools,
      placement: { environmentId, serverId: "srv", url: bouncer.url, generation: 1, seal },
    });
  }

  /** As a tenant's injected SQL, or another program, on a connection to the pooler of its own. */
  async function raw(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: bouncer.url });
    await client.connect();
    clients.push(client);
    return client;
  }

  const token = (number: number, more: { expiresAt?: number } = {}): string =>
    sealed.token({ environmentId: idOf(number), backend: 0, ...more });

  it("many tenants at once over few connections see their own rows, alone, in transactions and streams", async () => {
    const numbers = Array.from({ length: 40 }, (_, index) => index + 1);
    const each = async (number: number) => {
      const database = tenant(number);
      await database.query("insert into notes (id, title) values (1, $1)", [`of ${number}`]);
      for (let time = 0; time < 3; time += 1) {
        expect((await database.query("select title from notes")).rows).toEqual([{ title: `of ${number}` }]);
        await database.transaction(async (tx) => {
          await tx.query("update notes set detail = $1", [{ time }]);
          expect((await tx.query("select id, title from notes")).rows).toEqual([
            { id: 1, title: `of ${number}` },
          ]);
        });
        const rows = await Array.fromAsync(database.stream<{ title: string }>("select title from notes"));
        expect(rows).toEqual([{ title: `of ${number}` }]);
      }
    };
    await Promise.all(numbers.map(each));
    const { rows } = await superuser.query(
      "select count(*)::int as backends from pg_stat_activity where usename = $1",
      [sealed.login],
    );
    expect(rows[0].backends).toBeLessThanOrEqual(options.connections);
  });

  it("what a tenant leaves on a connection isn't met by the next", async () => {
    await tenant(1).query("insert into notes (id, title) values (1, 'LEFT')");
    for (const leave of [
      "set search_path = nowhere",
      "set default_transaction_read_only = on",
      "set row_security = off",
      "declare held cursor with hold for select * from notes",
    ]) {
      const client = await raw();
      await client.query("begin");
      await client.query("select tenantry.enter($1)", [token(1)]);
      await client.query(leave);
      await client.query("commit");
      const next = tenant(2);
      await next.query("insert into notes (id, title) values ($1, 'mine') on conflict (id) do nothing", [1]);
      expect((await next.query("select title from notes")).rows).toEqual([{ title: "mine" }]);
      expect((await next.query("select name from pg_cursors where name <> ''")).rows).toEqual([]);
    }
  });

  it("a context ends with its transaction, whoever gets the connection then", async () => {
    await tenant(1).query("insert into notes (id, title) values (1, 'LEFT')");
    const [first, ...others] = await Promise.all([raw(), raw(), raw(), raw()]);
    await first!.query("begin");
    await first!.query("select tenantry.enter($1)", [token(1)]);
    expect((await first!.query("select title from notes")).rows).toEqual([{ title: "LEFT" }]);
    await first!.query("commit");
    for (const client of [first!, ...others]) {
      await expect(client.query("select title from notes")).rejects.toMatchObject({ code: "22P02" });
    }
  });

  it("tokens that have run out, last too long, name a backend or are another database's are refused", async () => {
    const other = await sealedDatabase(server, { pooled: true });
    const client = await raw();
    for (const forged of [
      token(1, { expiresAt: nowSeconds() - 1 }),
      token(1, { expiresAt: nowSeconds() + 3_600 }),
      sealed.token({ environmentId: idOf(1), backend: 4_711 }),
      other.token({ environmentId: idOf(1), backend: 0 }),
      token(1).replace(/0{12}1/, `${"0".repeat(12)}2`),
    ]) {
      await expect(client.query("select tenantry.enter($1)", [forged])).rejects.toMatchObject({
        code: "TN002",
      });
    }
  });

  it("a statement that takes too long is cancelled, and another tenant's beside it isn't", async () => {
    const slow = tenant(1).query("select pg_sleep(20)", [], { signal: AbortSignal.timeout(200) });
    const beside = options.connections > 1 ? tenant(2).query("select pg_sleep(0.5)") : undefined;
    await expect(slow).rejects.toMatchObject({ name: "TimeoutError" });
    await beside;
    expect((await tenant(2).query("select title from notes")).rows).toEqual([]);
  });
});
