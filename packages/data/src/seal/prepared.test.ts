import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { embeddedLikeServer, type TestServer } from "../../../server/src/testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../../server/src/testing/sealed-database.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { createPools, type DatabasePlacement, type Pools } from "../pools/index.ts";

let server: TestServer;
beforeAll(async () => {
  server = await embeddedLikeServer();
});
afterAll(() => server?.stop());

const byId = "select title from notes where id = $1";
const titles = "select title from notes";

describe.each(["parameter", "statement"] as const)(
  "statements that stand prepared, sealed by %s",
  (strategy) => {
    let sealed: SealedDatabase;
    let superuser: pg.Client;
    let pools: Pools;
    let [first, second] = [] as unknown as [Database, Database];

    beforeAll(async () => {
      sealed = await sealedDatabase(server, { strategy });
      superuser = new pg.Client({ connectionString: sealed.superuserUrl });
      await superuser.connect();
    });
    beforeEach(async () => {
      pools = createPools({ budgets: () => 1, environmentShare: 1, statementTimeoutMs: 20_000 });
      [first, second] = [1, 2].map((number) => openDatabase({ pools, placement: placementOf(number) })) as [
        Database,
        Database,
      ];
      await first.query("insert into notes (id, title) values (1, 'first''s')");
      await second.query("insert into notes (id, title) values (1, 'second''s')");
    });
    afterEach(async () => {
      await pools.close();
      await superuser.query("truncate notes, tags, log");
    });
    afterAll(() => superuser?.end());

    function placementOf(number: number): DatabasePlacement {
      const { databaseId, key, url } = sealed;
      const environmentId = `0192aaaa-0000-7000-8000-${String(number).padStart(12, "0")}`;
      const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
      return { environmentId, serverId: "srv", url, generation: 1, seal };
    }

    /** As the first tenant, whatever the data path would refuse: an injected statement may get a function to do it. */
    async function meddle(...texts: string[]): Promise<void> {
      const lease = await pools.lease(placementOf(1));
      for (const text of texts) await lease.connection.client.query(text);
      lease.release();
    }

    async function names(of = first): Promise<string[]> {
      const { rows } = await of.query<{ name: string }>("select name from pg_prepared_statements");
      return rows.map(({ name }) => name);
    }

    const titleOf = async (database: Database): Promise<string> =>
      (await database.query<{ title: string }>(byId, [1])).rows[0]!.title;

    it("show each tenant its own rows, with a plan that served it many times before, and passing to and fro", async () => {
      for (let round = 0; round < 3; round += 1) {
        for (const [database, title] of [
          [first, "first's"],
          [second, "second's"],
        ] as const) {
          // From the sixth time on the plan is one for any values.
          for (let time = 0; time < 8; time += 1) expect(await titleOf(database)).toBe(title);
        }
      }
      expect((await names(second)).length).toBeGreaterThan(1);
    });

    it("that are taken away are prepared anew, without anybody's noticing", async () => {
      for (let time = 0; time < 3; time += 1) await titleOf(first);
      await meddle("deallocate all");
      expect(await titleOf(first)).toBe("first's");
      await meddle("deallocate all");
      const inTransaction = await first.transaction((tx) => tx.query(byId, [1]));
      expect(inTransaction.rows).toEqual([{ title: "first's" }]);
      expect(await titleOf(first)).toBe("first's");
    });

    it("that a tenant puts others in the place of harm that tenant alone, and only until the next one came", async () => {
      for (let time = 0; time < 3; time += 1) await titleOf(first);
      for (const name of await names()) {
        await meddle(`deallocate ${name}`, `prepare ${name} as select 'POISON' as title`);
      }
      expect((await second.query(titles)).rows).toEqual([{ title: "second's" }]);
      expect(await titleOf(second)).toBe("second's");
      expect(await titleOf(first)).toBe("first's");
    });

    it("can't be forestalled under the names that come next", async () => {
      await titleOf(first);
      const taken = Array.from(
        { length: 20 },
        (_, number) => `prepare tenantry_${number + 5} as select 'POISON'`,
      );
      await meddle("deallocate all", ...taken);
      for (let time = 0; time < 3; time += 1) expect(await titleOf(first)).toBe("first's");
      expect(await titleOf(second)).toBe("second's");
    });

    it("aren't more than a hundred on a connection", async () => {
      for (let number = 0; number < 150; number += 1) {
        for (let time = 0; time < 2; time += 1)
          await first.query(`select ${number} as n from notes where id = $1`, [1]);
      }
      await first.query(titles);
      const standing = await names();
      expect(standing.length).toBeGreaterThan(50);
      expect(standing.length).toBeLessThanOrEqual(101);
    });

    it("follow a migration that changes what * means, also in transactions", async () => {
      const all = "select * from notes";
      const sealedAll = async () => (await first.query(all)).rows[0];
      const inTransaction = async () => (await first.transaction((tx) => tx.query(all))).rows[0];
      for (let time = 0; time < 3; time += 1) await sealedAll();
      for (let time = 0; time < 3; time += 1) await inTransaction();
      await superuser.query("alter table notes add column more int default 5");
      try {
        expect(await inTransaction()).toMatchObject({ more: 5 });
        expect(await sealedAll()).toMatchObject({ id: 1, more: 5 });
      } finally {
        await superuser.query("alter table notes drop column more");
      }
      expect(await sealedAll()).not.toHaveProperty("more");
    });

    it("leave no value of one tenant in a plan that the next one uses", async () => {
      // Wrongly called immutable, as applications do; the plan of the other function keeps its value.
      await superuser.query(`
      create function motto() returns text language sql immutable as 'select title from notes where id = 1';
      create function motto_twice() returns text language plpgsql as $$ begin return motto() || ', ' || motto(); end $$;
      grant usage on language plpgsql to public`);
      try {
        const ask = async (database: Database) => {
          const { rows } = await database.query<{ motto: string }>("select motto_twice() as motto");
          return rows[0]!.motto;
        };
        for (let time = 0; time < 8; time += 1) expect(await ask(first)).toBe("first's, first's");
        expect(await ask(second)).toBe("second's, second's");
      } finally {
        await superuser.query(
          "drop function motto_twice(), motto(); revoke usage on language plpgsql from public",
        );
      }
    });
  },
);
