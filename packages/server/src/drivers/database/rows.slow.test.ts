import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer } from "../../testing/database-servers.ts";
import { testContext } from "../../testing/driver-context.ts";
import { oddQuestions, oddRows } from "../../testing/odd-rows.ts";
import { plainProofs, plainScriptOf, schemaText, sharedSchemaText } from "../../testing/proofs/index.ts";
import { contentOf, openStand, portable, type Stand } from "../../testing/rows-stand.ts";
import type { AppSchema } from "./driver.ts";
import { schemaOf } from "./harness.testsuite.ts";

describe.each([
  ["PostgreSQL 18 as a superuser", embeddedLikeServer, plainProofs],
  ["PostgreSQL 15 as a given role", () => givenServer(15), ["rental"] as const],
] as const)("rows on %s", (_title, open, names) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(open);
    // A given role may be let do this alone; without, see below.
    await stand.asSuperuser(
      "do $$ begin if exists (select from pg_roles where rolname = 'maker') then grant set on parameter session_replication_role to maker; end if; end $$",
    );
  });
  afterAll(() => stand.close());

  test.each(names)(
    "of the schema %s go from every level to every level, and answer the same",
    async (name) => {
      const schema = schemaOf(newId(), await sharedSchemaText(name));
      const script = await plainScriptOf(name);
      const origin = await stand.build("database", schema);
      await stand.play(origin, script);
      const first = await stand.take(origin);
      const content = await contentOf(first);
      // What comes next where the rows come from has to come next at each copy.
      const answers = await stand.play(origin, script);
      const targets: [(typeof portable)[number], Awaited<ReturnType<Stand["build"]>>][] = [];
      for (const level of portable) targets.push([level, await stand.build(level, schema)]);
      let archives = [first];
      for (const _passing of ["from the origin", "from a copy at each level"]) {
        const taken: Buffer[][] = [];
        for (const archive of archives) {
          for (const [to, target] of targets) {
            await stand.put(target, archive);
            const copy = await stand.take(target);
            expect({ to, content: await contentOf(copy) }).toEqual({ to, content });
            taken.push(copy);
          }
        }
        archives = taken;
      }
      for (const [to, target] of targets) {
        expect({ to, answers: await stand.play(target, script) }).toEqual({ to, answers });
        expect(await target.driver.verify(stand.server, target.database)).toEqual([]);
      }
    },
  );
});

const diaries = `create table diaries (id int primary key, owner text);
  create table lines (diary int references diaries, text text);
  insert into diaries values (1, 'ada'), (2, 'bob'); insert into lines values (1, 'one');
  alter table diaries enable row level security, force row level security;
  create policy own on diaries using (owner = current_setting('app.person', true));`;

describe.each([
  ["15 as a given role", 15, ""],
  ["18 as a given role", 18, ""],
  ["18 as a given role with BYPASSRLS", 18, "alter role maker bypassrls"],
] as const)("rows that policies hide from their owner, on PostgreSQL %s", (_title, version, grant) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(() => givenServer(version));
    if (grant) await stand.asSuperuser(grant);
  });
  afterAll(() => stand.close());

  test("stand at every level, and leave for the levels where an environment has its tables to itself", async () => {
    const schema = schemaOf(newId(), diaries);
    await expect(stand.build("shared", schema)).rejects.toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringContaining('policy for table "diaries"'),
    });
    const bare = schemaOf(newId(), diaries.replaceAll(/insert into.*?;/g, ""));
    await stand.build("shared", bare);
    for (const level of ["database", "schema"] as const) {
      const source = await stand.build(level, schema);
      const target = await stand.build(level, schema);
      const form = await target.driver.readForm(stand.server, target.database);
      const content = await contentOf(await stand.take(source));
      expect({ level, tables: content.tables }).toEqual({
        level,
        tables: { diaries: ["1\tada", "2\tbob"], lines: ["1\tone"] },
      });
      await stand.play(target, ["delete from lines"]);
      await stand.put(target, await stand.take(source));
      expect(await contentOf(await stand.take(target))).toEqual(content);
      for (const one of [source, target])
        expect(await one.driver.readForm(stand.server, one.database)).toEqual(form);
    }
  });

  test("leave nothing behind where reading them failed half-way", async () => {
    const schema = schemaOf(newId(), diaries);
    const source = await stand.build("database", schema);
    const form = await source.driver.readForm(stand.server, source.database);
    const broken = { write: () => Promise.reject(new Error("nobody takes them")) };
    await expect(source.driver.exportRows(testContext(), source.place, broken)).rejects.toThrow(
      "nobody takes",
    );
    expect(await source.driver.readForm(stand.server, source.database)).toEqual(form);
    expect((await contentOf(await stand.take(source))).tables.diaries).toHaveLength(2);
    const [policies] = await stand.play(source, ["select polname::text as name from pg_policy"]);
    expect(policies!.answer).toMatchObject({ rows: [{ name: "own" }] });
  });

  test("are all there or refused, with what to do, where a restrictive policy binds who reads them", async () => {
    const restrictive = `${diaries} create policy late on diaries as restrictive using (id > 1);`;
    const source = await stand.build("database", schemaOf(newId(), restrictive));
    const answer = await stand.take(source).then(contentOf, (error: Error) => error.message);
    if (grant) expect(answer).toMatchObject({ tables: { diaries: ["1\tada", "2\tbob"] } });
    else expect(answer).toMatch(/diaries: its policy late is restrictive.* BYPASSRLS .* or leave FORCE out/);
  });
});

describe("odd rows", () => {
  let stand: Stand;
  let schema: AppSchema;
  beforeAll(async () => {
    stand = await openStand(embeddedLikeServer);
    const text = await readFile(new URL("../../testing/odd-rows.sql", import.meta.url), "utf8");
    schema = schemaOf(newId(), text);
  });
  afterAll(() => stand.close());

  test("come out as they went in at every level, and what comes next is as it would be", async () => {
    const origin = await stand.build("database", schema);
    for (const { statement, answer } of await stand.play(origin, oddRows))
      expect({ statement, answer }).toMatchObject({ answer: { rowCount: expect.any(Number) } });
    const archive = await stand.take(origin);
    const content = await contentOf(archive);
    const targets = await Promise.all(portable.map((level) => stand.build(level, schema)));
    const forms = await Promise.all(targets.map(formOf));
    for (const target of targets) await stand.put(target, archive);
    // And from a level with counters to one with sequences.
    await stand.put(targets[0]!, await stand.take(targets[2]!));
    for (const target of targets) expect(await contentOf(await stand.take(target))).toEqual(content);
    const answers = await stand.play(origin, oddQuestions);
    for (const target of targets) {
      const { level } = target.driver;
      expect({ level, answers: await stand.play(target, oddQuestions) }).toEqual({ level, answers });
    }
    expect(await Promise.all(targets.map(formOf))).toEqual(forms);
  });

  test("are what materialised views show then, and the schema stands as before", async () => {
    const schema = schemaOf(newId(), await schemaText("rental"));
    const source = await stand.build("database", schema);
    const target = await stand.build("schema", schema);
    const form = await target.driver.readForm(stand.server, target.database);
    const look = "select * from popular_rooms order by 1, 2";
    await stand.play(source, await plainScriptOf("rental"));
    await stand.put(target, await stand.take(source));
    const [view, rows] = await stand.play(target, [
      look,
      "select building, room_number, count(*) as bookings from bookings group by 1, 2 order by 1, 2",
    ]);
    expect(view!.answer).toEqual(rows!.answer);
    expect(await target.driver.readForm(stand.server, target.database)).toEqual(form);
  });

  const formOf = ({ driver, database }: Awaited<ReturnType<Stand["build"]>>) =>
    driver.readForm(stand.server, database);

  test("that a table took before its present rules come along where an environment has it to itself", async () => {
    const old = schemaOf(
      newId(),
      `create table old_rows (weight int, grown int);
       insert into old_rows values (-1, null);
       alter table old_rows add constraint weights check (weight > 0) not valid;
       comment on constraint weights on old_rows is 'New ones only.'`,
    );
    const source = await stand.build("database", old);
    const target = await stand.build("schema", old);
    const form = await formOf(target);
    await stand.put(target, await stand.take(source));
    const answers = await stand.play(target, [
      "select weight from old_rows",
      "insert into old_rows values (-2)",
    ]);
    expect(answers.map(({ answer }) => answer)).toEqual([
      { rows: [{ weight: -1 }], rowCount: 1 },
      { code: "23514" },
    ]);
    expect(await formOf(target)).toEqual(form);
  });

  test("that the application's own policies hide from their owner, too, come along", async () => {
    const guarded = schemaOf(
      newId(),
      `create table diaries (id int, owner text); insert into diaries values (1, 'ada'), (2, 'bob');
       alter table diaries enable row level security, force row level security;
       create policy own on diaries using (owner = current_setting('app.person', true))`,
    );
    const source = await stand.build("database", guarded);
    const target = await stand.build("database", guarded);
    const [archive, form] = [await stand.take(source), await formOf(target)];
    expect(await stand.put(target, archive)).toMatchObject({ tables: 1, rows: 2 });
    expect(await formOf(target)).toEqual(form);
  });

  test("and large objects don't go together", async () => {
    const plain = schemaOf(
      newId(),
      "create table images (content oid); insert into images values (lo_from_bytea(0, '\\x00'))",
    );
    const source = await stand.build("database", plain);
    await expect(stand.take(source)).rejects.toMatchObject({
      code: "rows_not_portable",
      message: expect.stringContaining("One large object"),
    });
  });

  test("of an archive that is damaged, or of another schema, leave everything as it was, at every level", async () => {
    const origin = await stand.build("database", schema);
    await stand.play(origin, oddRows);
    const archive = await stand.take(origin);
    const cut = Buffer.concat(archive);
    const bad = Buffer.from(cut);
    bad[cut.indexOf("Bob")]! ^= 1;
    const later = schemaOf(schema.appId, schema.migrations[0]!.sql, "select 1");
    for (const level of portable) {
      const target = await stand.build(level, schema);
      await stand.play(target, ["insert into people (name) values ('Kept')"]);
      const before = await contentOf(await stand.take(target));
      for (const [bytes, code] of [
        [bad, "archive_damaged"],
        [cut.subarray(0, cut.length - 200), "archive_damaged"],
      ] as const) {
        const context = testContext();
        await expect(stand.put(target, [bytes], context)).rejects.toMatchObject({ code });
        expect(context.resources()).toEqual([]);
      }
      const newer = { ...target, place: { ...target.place, schema: later } };
      await expect(stand.put(newer, archive)).rejects.toMatchObject({ code: "unavailable" });
      expect(await contentOf(await stand.take(target))).toEqual(before);
    }
    const other = await stand.build("database", later);
    await expect(stand.put(other, archive)).rejects.toMatchObject({ code: "archive_mismatch" });
  });

  test("are taken as of one moment, while their environment writes on and a neighbour's stay out of it", async () => {
    for (const level of ["database", "schema", "shared"] as const) {
      const source = await stand.build(level, schema);
      const neighbour = await stand.neighbourOf(source);
      await stand.play(neighbour, ["insert into people (name) values ('Neighbour')"]);
      await stand.play(source, oddRows);
      const before = await contentOf(await stand.take(source));
      const archive: Buffer[] = [];
      let written: unknown;
      const write = async (bytes: Uint8Array) => {
        archive.push(Buffer.from(bytes));
        // The header is out, so the moment is chosen; not one writer may wait for who reads on.
        written ??= (
          await stand.play(source, [
            "set lock_timeout = '2s'",
            "insert into people (name) values ('Late')",
            "update teams set lead_id = 3",
            "update members set team_id = 1",
          ])
        ).map(({ answer }) => answer);
      };
      await source.driver.exportRows(testContext(), source.place, { write });
      expect(written).toEqual([
        expect.anything(),
        ...[1, 2, 2].map((rowCount) => expect.objectContaining({ rowCount })),
      ]);
      const content = await contentOf(archive);
      expect(content.tables).toEqual(before.tables);
      expect(JSON.stringify(content)).not.toContain("Neighbour");
      const target = await stand.build("database", schema);
      await stand.put(target, archive);
    }
  });

  test("whose import is cut off are tried again by another, and then there once", async () => {
    const origin = await stand.build("database", schema);
    await stand.play(origin, oddRows);
    const archive = await stand.take(origin);
    const content = await contentOf(archive);
    for (const level of portable) {
      const target = await stand.build(level, schema);
      const context = testContext();
      const cut = archive.slice(0, Math.floor(archive.length / 2));
      async function* breaking() {
        yield* cut;
        throw new Error("cut off");
      }
      await expect(target.driver.importRows(context, target.place, breaking())).rejects.toThrow("cut off");
      await stand.put(target, archive, context.next());
      expect(await contentOf(await stand.take(target))).toEqual(content);
      expect(await target.driver.verify(stand.server, target.database)).toEqual([]);
    }
  });
});

describe("on a server whose role may not have triggers keep still, a level that many share", () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(() => givenServer(18));
  });
  afterAll(() => stand.close());

  test("takes rows that set nothing off, those that point to one another among them", async () => {
    const schema = schemaOf(
      newId(),
      `create table nodes (id serial primary key, parent_id int references nodes, label text);
       create table leaves (id serial primary key, node_id int not null references nodes);`,
    );
    const source = await stand.build("database", schema);
    await stand.play(source, [
      "insert into nodes (label) select n::text from generate_series(1, 20000) n",
      "update nodes set parent_id = 20001 - id",
      "insert into leaves (node_id) select id from nodes",
    ]);
    const archive = await stand.take(source);
    const target = await stand.build("shared", schema);
    expect(await stand.put(target, archive)).toMatchObject({ rows: 40_000 });
    expect(await contentOf(await stand.take(target))).toEqual(await contentOf(archive));
  });

  test("takes none that would, and says whom to ask for what", async () => {
    const schema = schemaOf(newId(), await sharedSchemaText("rental"));
    const source = await stand.build("database", schema);
    const target = await stand.build("shared", schema);
    const archive = await stand.take(source);
    await expect(stand.put(target, archive)).rejects.toMatchObject({
      code: "rows_not_portable",
      details: { remedy: expect.stringContaining("GRANT SET ON PARAMETER session_replication_role") },
    });
    await stand.asSuperuser("grant set on parameter session_replication_role to maker");
    const put = stand.put(target, archive);
    await put.catch(() => undefined);
    await stand.asSuperuser("revoke set on parameter session_replication_role from maker");
    expect(await put).toMatchObject({ tables: 5 });
  });
});
