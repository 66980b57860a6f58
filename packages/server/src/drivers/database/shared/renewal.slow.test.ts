import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { createCutter } from "../../../testing/cut.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { makeEarlier } from "../../../testing/earlier-seals/index.ts";
import { openPlace } from "../../../testing/shared-harness.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { sealFunctions } from "../common/seal/functions.sql.ts";
import type { SealStrategy } from "../common/seal/index.ts";
import { openClient } from "../common/session.ts";
import { urlTo } from "../common/url.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import type { DatabaseServer, SharedPlace } from "../driver.ts";
import { createSharedDriver } from "./index.ts";

const files = [
  `create table notes (id serial primary key, body text not null unique);
   create table parts (id int primary key, note_id int references notes);
   create table drafts (id int primary key, body text);
   alter table drafts enable row level security;
   create policy all_of_them on drafts using (true);
   create table log (at date not null, line text) partition by range (at);
   create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
   insert into notes (body) values ('first');`,
];

describe.each([
  ["a server of ours", "parameter", embeddedLikeServer],
  ["a given server, PostgreSQL 15", "statement", () => givenServer(15)],
] as const)("a seal of an earlier version on %s", (_title, strategy: SealStrategy, open) => {
  let postgres: TestServer;
  let server: DatabaseServer;
  const installationId = newId();
  const driver = createSharedDriver({ installationId });
  beforeAll(async () => {
    postgres = await open();
    server = { id: newId(), url: postgres.url };
  });
  afterAll(() => postgres?.stop());

  async function build() {
    const [appId, databaseId] = [newId(), newId()];
    const schema = schemaOf(appId, ...files);
    await driver.buildBlueprint(testContext(), { server, schema });
    const built = await driver.build(testContext(), { server, databaseId, schema });
    const place = (): SharedPlace => ({
      ...{ server, database: built, databaseId, appId, environmentId: newId(), sealKey: built.sealKey! },
    });
    const [one, neighbour] = [place(), place()];
    for (const each of [one, neighbour]) await driver.sharing!.admit(testContext(), each);
    const opened = ({ environmentId }: SharedPlace) =>
      openPlace(driver.connectionUrl(server, built), {
        ...{ databaseId, environmentId, key: built.sealKey!, pooled: false },
      });
    const login = { roleName: driver.logins.nameOf(newId()), password: "secret" };
    await driver.logins.place(testContext(), { ...one, login });
    const state = () => Promise.resolve({ open: true });
    await driver.logins.align(testContext(), { server, roleName: login.roleName, state });
    return { built, one, neighbour, opened, loginUrl: driver.logins.url(server, built, login) };
  }

  test("what one tenant has made the sessions of all begin with is taken back by the next look", async () => {
    const { built, one, neighbour, opened } = await build();
    const url = driver.connectionUrl(server, built);
    await runAt(
      url,
      "alter role current_user set default_transaction_read_only = on",
      `alter role current_user in database ${built.name} set search_path = 'nowhere'`,
    );
    const before = opened(neighbour);
    await expect(before.database.query("select count(*) from notes")).rejects.toMatchObject({
      code: "42P01",
    });
    for (let time = 0; time < 2; time += 1) {
      expect(await driver.sharing!.renewSeal(testContext(), { server, database: built })).toBe(false);
    }
    const after = opened(one);
    await after.database.query("insert into notes (body) values ('mine')");
    const standing = `select from pg_db_role_setting where setrole = '${built.roleName}'::regrole`;
    expect(await runAt(postgres.superuserUrl, standing)).toEqual([]);
    await Promise.all([before.close(), after.close()]);
  });

  test.each([2, 3, 4, 5, 7] as const)(
    "of version %d is brought up to date while tenants work; nothing is lost",
    async (version) => {
      const { built, one, neighbour, opened, loginUrl } = await build();
      const superuserUrl = urlTo(postgres.superuserUrl, built.name);
      await makeEarlier(superuserUrl, strategy, version);
      expect(await driver.verify(server, built)).toEqual([]);
      // From version 6 on there is none.
      if (version < 6) await runAt(superuserUrl, "create index log_by_line on log using hash (line)");
      const [first, second] = [opened(one), opened(neighbour)];
      const standing = await openClient({ connectionString: loginUrl });
      await standing.query("begin; set idle_in_transaction_session_timeout = 0; select from notes");
      const stop = new AbortController();
      const work = async ({ database }: typeof first, word: string): Promise<number> => {
        let written = 0;
        while (!stop.signal.aborted) {
          await database.query("insert into notes (body) values ($1)", [`${word} ${written}`]);
          written += 1;
          const { rows } = await database.query("select count(*)::int as count from notes");
          expect(rows).toEqual([{ count: written + 1 }]);
          await database.query("insert into log values ('2026-05-05', $1)", [word]);
        }
        return written;
      };
      const working = Promise.all([work(first, "mine"), work(second, "theirs")]);
      working.catch(() => stop.abort());
      const renewed = await Promise.all(
        [1, 2].map(() => driver.sharing!.renewSeal(testContext(), { server, database: built })),
      );
      stop.abort();
      const [mine, theirs] = await working;
      expect(renewed.sort()).toEqual([false, true]);
      expect(await driver.verify(server, built)).toEqual([]);
      for (const [{ database, close }, count] of [
        [first, mine],
        [second, theirs],
      ] as const) {
        expect((await database.query("select count(*)::int as count from notes")).rows).toEqual([
          { count: count + 1 },
        ]);
        expect((await database.query("select count(*)::int as count from log_2026")).rows).toEqual([
          { count },
        ]);
        await close();
      }
      // The application has policies of its own there.
      const named = "select polname::text as name from pg_policy where not polpermissive";
      expect(await runAt(superuserUrl, named)).toEqual([{ name: " tenantry" }]);
      // It would have kept the table as it was, and what sessions of logins begin with changes for those that begin.
      await expect(standing.query("select from notes")).rejects.toThrow();
      expect(
        await runAt(loginUrl, "insert into parts values (1, 1)", "select count(*)::int as parts from parts"),
      ).toEqual([{ parts: 1 }]);
      expect(await driver.sharing!.renewSeal(testContext(), { server, database: built })).toBe(false);
    },
  );

  test("keeps nobody out who came while it was made another", async () => {
    const { built, one, opened } = await build();
    const superuserUrl = urlTo(postgres.superuserUrl, built.name);
    await makeEarlier(superuserUrl, strategy, 7);
    const { database, close } = opened(one);
    const renewing = new pg.Client({ connectionString: superuserUrl });
    await renewing.connect();
    await renewing.query("begin; lock table tenantry.secret in access exclusive mode");
    const asked = database.query("select body from notes");
    await waitUntil("the entry waits", async () => {
      const waiting = "select from pg_locks where relation = 'tenantry.secret'::regclass and not granted";
      return (await renewing.query(waiting)).rowCount === 1;
    });
    await renewing.query(`${sealFunctions(strategy)}; commit`);
    expect((await asked).rows).toEqual([{ body: "first" }]);
    await Promise.all([close(), renewing.end()]);
  });

  test("is whole at whatever moment the renewal is killed, and the next one ends it", async () => {
    const { built, one, opened } = await build();
    const cutter = createCutter();
    const killable = createSharedDriver({ installationId, connect: cutter.connect });
    await makeEarlier(urlTo(postgres.superuserUrl, built.name), strategy, 2);
    const { database, close } = opened(one);
    for (let at = 1, killed = true; killed; at += 2) {
      expect(at).toBeLessThan(100);
      const context = testContext();
      const request = { server, database: built };
      ({ killed } = await cutter.run(at, () => killable.sharing!.renewSeal(context, request)));
      expect(await driver.verify(server, built)).toEqual([]);
      expect((await database.query("select body from notes")).rows).toEqual([{ body: "first" }]);
    }
    expect(await driver.sharing!.renewSeal(testContext(), { server, database: built })).toBe(false);
    await close();
  });

  test("that is like none of them stays as it is, and is named; one of a later version is left alone", async () => {
    const { built } = await build();
    const request = { server, database: built };
    const superuserUrl = urlTo(postgres.superuserUrl, built.name);
    await runAt(superuserUrl, "comment on schema tenantry is 'Tenantry seal, version 99'");
    expect(await driver.sharing!.renewSeal(testContext(), request)).toBe(false);
    await makeEarlier(superuserUrl, strategy, 3);
    await runAt(
      superuserUrl,
      `create or replace function tenantry.enter(token text) returns void language plpgsql security definer
         set search_path = pg_catalog, pg_temp as $$ begin perform 1; end $$`,
    );
    expect(await driver.sharing!.renewSeal(testContext(), request)).toBe(false);
    expect(await driver.verify(server, built)).toContain(
      "The function tenantry.enter isn't the one that was installed.",
    );
  });
});
