import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../../testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../../../testing/sealed-database.ts";
import { runAt } from "../../driver.testsuite.ts";

let server: TestServer;
beforeAll(async () => {
  server = await embeddedLikeServer();
});
afterAll(() => server.stop());

/** Enters on a connection of its own, runs one statement, and answers its rows. */
async function enterAndRun(sealed: SealedDatabase, environmentId: string, text: string, backend?: number) {
  const client = new pg.Client({ connectionString: sealed.url });
  await client.connect();
  try {
    const { processID } = client as unknown as { processID: number };
    await client.query("begin");
    const token = sealed.token({ environmentId, backend: backend ?? processID });
    await client.query("select tenantry.enter($1)", [token]);
    const { rows } = await client.query(text);
    await client.query("commit");
    return rows;
  } finally {
    await client.end();
  }
}

const planted: [problem: string, statement: string][] = [
  ["The table public.notes has no row-level security.", "alter table notes disable row level security"],
  [
    "The table public.log_2026 doesn't force row-level security on its owner.",
    "alter table log_2026 no force row level security",
  ],
  ["The table public.tags lacks the policy of the seal.", "drop policy tenantry on tags"],
  [
    "The policy checked of public.notes is asked before the seal's.",
    "create policy checked on notes as restrictive using (title::json is not null)",
  ],
  [
    "The policy more of public.notes lets rows through that the seal's doesn't.",
    "create policy more on notes using (true)",
  ],
  [
    "The policy tenantry of public.notes lets rows through that the seal's doesn't.",
    "alter policy tenantry on notes using (true)",
  ],
  ["The view public.titles isn't security_invoker.", "alter view titles reset (security_invoker)"],
  [
    "The materialised view public.copy holds rows that no policy covers.",
    "create materialized view copy as select * from notes with no data",
  ],
  [
    "The function public.open() runs with the rights of postgres, who can do more than write rows.",
    "create function open() returns setof notes language sql security definer as 'select * from notes'",
  ],
  [
    "The function public.sure(text) claims to be leakproof.",
    "create function sure(text) returns boolean language sql leakproof immutable as 'select true'",
  ],
  [
    "The unique index public.everywhere spans environments.",
    "create unique index everywhere on notes (title)",
  ],
  [
    "The index public.by_title can be searched for what other environments have.",
    "create index by_title on notes using hash (title)",
  ],
  [
    "The constraint loose of public.tags spans environments.",
    "create table all_notes (id int primary key); alter table tags add constraint loose foreign key (note_id) references all_notes not valid",
  ],
  [
    "The column tenantry_environment of public.tags is nullable, or no uuid.",
    "alter table tags drop constraint tags_pkey; alter table tags alter tenantry_environment drop not null",
  ],
  ["PUBLIC may TRUNCATE on the table public.notes.", "grant truncate on notes to public"],
  ["PUBLIC may CREATE on the schema public.", "grant create on schema public to public"],
  ["PUBLIC may USAGE on the language plpgsql.", "grant usage on language plpgsql to public"],
  [
    "PUBLIC may EXECUTE on the function pg_notify(text,text).",
    "grant execute on function pg_notify to public",
  ],
  ["PUBLIC may SELECT tenantry.secret.", "grant select on tenantry.secret to public"],
  ["The seal has no secret.", "delete from tenantry.secret"],
  [
    "The function tenantry.enter isn't the one that was installed.",
    "create or replace function tenantry.enter(token text) returns void language plpgsql security definer as 'begin end'",
  ],
  [
    "The function tenantry.more(integer) isn't one of Tenantry's.",
    "create function tenantry.more(int) returns int language sql as 'select 1'",
  ],
  [
    "The domain tenantry.entry isn't the one that was installed.",
    "alter domain tenantry.entry drop constraint proof; alter domain tenantry.entry add check ((value).token is not null)",
  ],
];

describe("verify", () => {
  test.each(planted)("finds: %s", async (problem, statement) => {
    const sealed = await sealedDatabase(server);
    expect(await sealed.verify()).toEqual([]);
    await runAt(sealed.superuserUrl, statement);
    expect(await sealed.verify()).toContain(problem);
  });

  test("finds a role that no policy binds, and one that can become another", async () => {
    const sealed = await sealedDatabase(server);
    const { login, roles } = sealed;
    await runAt(
      sealed.superuserUrl,
      `alter role "${login}" bypassrls createrole`,
      `grant "${roles.seal}" to "${login}"`,
      `alter role "${login}" set row_security = off`,
    );
    expect(await sealed.verify()).toEqual(
      expect.arrayContaining([
        `The role ${login} may pass row-level security.`,
        `The role ${login} may make roles.`,
        `The role ${login} can become ${roles.seal}.`,
        `The settings of ${login} begin sessions with row_security=off.`,
        `"${login}" is a member of the seal's owner.`,
      ]),
    );
  });

  test("names logins that were given out and begin elsewhere, and none for what a login may set itself", async () => {
    const sealed = await sealedDatabase(server);
    const urls = [await sealed.giveLogin(newId()), await sealed.giveLogin(newId())];
    const [astray, homeless] = urls.map((url) => new URL(url).username);
    const database = new URL(sealed.url).pathname.slice(1);
    await runAt(urls[0]!, "alter role current_user set row_security = off");
    expect(await sealed.verify()).toEqual([]);
    const elsewhere = newId().replaceAll("-", "");
    await runAt(
      sealed.superuserUrl,
      `alter role ${astray} in database ${database} set backtrace_functions = '${elsewhere}'`,
      `delete from tenantry.login where role = '${homeless}'`,
      "grant select on tenantry.login to public",
    );
    const problems = await sealed.verify();
    expect(problems).toEqual(
      expect.arrayContaining([
        `The settings of ${astray} begin sessions with backtrace_functions=${elsewhere}.`,
        `The login ${homeless} has no environment.`,
        "PUBLIC may SELECT tenantry.login.",
      ]),
    );
  });

  test("says when there is no seal at all", async () => {
    const sealed = await sealedDatabase(server);
    await runAt(sealed.superuserUrl, "drop schema tenantry cascade");
    expect(await sealed.verify()).toContain("The database has no seal.");
  });
});

describe.each(["parameter", "statement"] as const)("the seal by %s", (strategy) => {
  test("shows an environment its own rows and lets it write them without naming itself", async () => {
    const sealed = await sealedDatabase(server, { strategy });
    const [first, second] = [newId(), newId()];
    await enterAndRun(sealed, first, "insert into notes (id, title) values (1, 'first'), (2, 'again')");
    await enterAndRun(sealed, second, "insert into notes (id, title) values (1, 'second')");
    expect(await enterAndRun(sealed, first, "select id, title from notes order by id")).toEqual([
      { id: 1, title: "first" },
      { id: 2, title: "again" },
    ]);
    expect(await enterAndRun(sealed, second, "select title from titles")).toEqual([{ title: "second" }]);
    expect(await sealed.verify()).toEqual([]);
  });

  test("lets nobody in while the secret is missing, nor with the key of another database", async () => {
    const sealed = await sealedDatabase(server, { strategy });
    const other = await sealedDatabase(server, { strategy });
    const swapped = { ...sealed, token: other.token };
    await expect(enterAndRun(swapped, newId(), "select * from notes")).rejects.toMatchObject({
      code: "TN002",
    });
    await runAt(sealed.superuserUrl, "delete from tenantry.secret");
    await expect(enterAndRun(sealed, newId(), "select * from notes")).rejects.toMatchObject({
      code: "TN002",
    });
    const empty = {
      ...sealed,
      token: (claims: { environmentId: string; backend: number }) =>
        sealed.token({ ...claims, key: Buffer.alloc(0) }),
    };
    await expect(enterAndRun(empty, newId(), "select * from notes")).rejects.toMatchObject({ code: "TN002" });
  });

  test("takes a token that names no backend only behind a pooler", async () => {
    const pooled = await sealedDatabase(server, { strategy, pooled: true });
    expect(await enterAndRun(pooled, newId(), "select * from notes", 0)).toEqual([]);
    const direct = await sealedDatabase(server, { strategy });
    await expect(enterAndRun(direct, newId(), "select * from notes", 0)).rejects.toMatchObject({
      code: "TN002",
    });
  });

  test("ends with its transaction, and holds in parallel workers, savepoints and cascades", async () => {
    const sealed = await sealedDatabase(server, { strategy });
    const [first, second] = [newId(), newId()];
    for (const environmentId of [first, second]) {
      await enterAndRun(
        sealed,
        environmentId,
        "insert into notes (id, title) select n, 'note ' || n from generate_series(1, 2000) n",
      );
      await enterAndRun(
        sealed,
        environmentId,
        "insert into tags (note_id, tag) select n, 'tag' from generate_series(1, 2000) n",
      );
    }
    await runAt(
      sealed.superuserUrl,
      `alter role "${sealed.login}" set parallel_setup_cost = 0`,
      `alter role "${sealed.login}" set parallel_tuple_cost = 0`,
      `alter role "${sealed.login}" set min_parallel_table_scan_size = 0`,
      `alter role "${sealed.login}" set enable_bitmapscan = off`,
      `alter role "${sealed.login}" set enable_indexscan = off`,
    );
    const plan = await enterAndRun(
      sealed,
      first,
      "explain select count(*) from notes where title like '%1%'",
    );
    expect(JSON.stringify(plan)).toContain("Gather");
    expect(
      await enterAndRun(sealed, first, "select count(*)::int as count from notes where title like '%1%'"),
    ).toEqual([{ count: 1_271 }]);
    await enterAndRun(sealed, first, "delete from notes where id <= 1000");
    expect(await enterAndRun(sealed, first, "select count(*)::int as count from tags")).toEqual([
      { count: 1_000 },
    ]);
    expect(await enterAndRun(sealed, second, "select count(*)::int as count from tags")).toEqual([
      { count: 2_000 },
    ]);
    await expect(runAt(sealed.url, "select * from notes")).rejects.toMatchObject({
      code: strategy === "parameter" ? "22P02" : "TN002",
    });
  });
});
