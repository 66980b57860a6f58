import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, givenServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { openStand, type Stand } from "../../../testing/rows-stand.ts";
import { urlTo } from "../common/url.ts";
import { runAt } from "../driver.testsuite.ts";
import { schemaOf } from "../harness.testsuite.ts";

const columns = "id serial, title text not null, mood text not null default 'fine'";
const tables = {
  "of one piece": `create table notes (${columns});`,
  "with partitions": `create table notes (${columns}) partition by list (mood);
    create table notes_all partition of notes default;`,
};
const indexes = `
  create index lowered on notes (lower(title));
  create statistics paired (mcv) on title, mood from notes;`;
const sampled = (target: number) => `
  alter table notes alter column title set statistics ${target};
  alter index lowered alter column 1 set statistics ${target};
  alter statistics paired set statistics ${target};`;

/** Each of a value that the neighbour alone has, and of one that nobody has. */
const conditions = ["title = '?'", "title > '?'", "lower(title) = '?'", "title = '?' and mood = 'fine'"];
const [theirs, nobodys] = ["theirs", "a"];

describe.each([
  [15, () => givenServer(15)],
  [18, embeddedLikeServer],
] as const)("on PostgreSQL %i", (version, open) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(open);
  });
  afterAll(() => stand?.close());

  test.each(Object.entries(tables))(
    "of a table %s: what estimates tell of neighbours' values ends where a migration says SET STATISTICS 0, until one takes it back",
    async (_which, table) => {
      const first = table + indexes;
      const appId = newId();
      const own = await stand.build("shared", schemaOf(appId, first));
      const neighbour = await stand.neighbourOf(own);
      const url = urlTo(stand.postgres.superuserUrl, own.database.name);
      const write = (title: string) =>
        `insert into notes (title) select ${title} from generate_series(1, 500) n`;
      await stand.play(own, [write("'mine ' || n")]);
      await stand.play(neighbour as typeof own, [write("'theirs'")]);
      const migrate = async (...files: string[]) => {
        const { driver, place, database } = own;
        const schema = schemaOf(appId, first, ...files);
        await driver.migrate(testContext(), { server: place.server, database, schema });
        expect(await driver.verify(place.server, database)).toEqual([]);
      };
      const estimates = async (value: string) => {
        const answers = await stand.play(
          own,
          conditions.map(
            (each) => `explain (format json) select * from notes where ${each.replace("?", value)}`,
          ),
        );
        return answers.map(({ answer }) => JSON.stringify(answer).match(/"Plan Rows":(\d+)/)?.[1]);
      };
      const tell = async () => {
        await runAt(url, "analyze public.notes");
        const [of, without] = [await estimates(theirs), await estimates(nobodys)];
        expect(of).not.toContain(undefined);
        return of.map((each, at) => each !== without[at]);
      };

      expect(await tell()).toEqual([true, true, true, true]);
      await migrate(sampled(0));
      if (version < 18)
        await runAt(url, "delete from pg_statistic where starelid::regclass::text ~ '^(notes|lowered)'");
      expect(await tell()).toEqual([false, false, false, false]);
      await migrate(sampled(0), sampled(-1));
      expect(await tell()).toEqual([true, true, true, true]);
    },
  );
});
