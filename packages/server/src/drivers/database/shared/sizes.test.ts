import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, givenServer } from "../../../testing/database-servers.ts";
import { openStand, type Stand } from "../../../testing/rows-stand.ts";
import { runAt } from "../driver.testsuite.ts";
import { schemaOf } from "../harness.testsuite.ts";

const text = "create table notes (id serial primary key, title text not null)";
const write = (rows: number) => [
  `insert into notes (title) select repeat('x', 900) from generate_series(1, ${rows})`,
];

describe.each([
  ["where we are its superuser", false, embeddedLikeServer],
  ["that was given to us, 15", true, () => givenServer(15)],
  ["that was given to us, 18", true, () => givenServer(18)],
] as const)("on a server %s", (_, isGiven, open) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(open);
  });
  afterAll(() => stand.close());
  const urlOf = (name: string) =>
    Object.assign(new URL(stand.postgres.superuserUrl), { pathname: `/${name}` }).href;

  test("whoever has most of the rows is told to have most of the bytes, and nobody before anything was counted", async () => {
    const large = await stand.build("shared", schemaOf(newId(), text));
    const small = await stand.neighbourOf(large);
    const { driver, place, database } = large;
    const sizes = () => driver.sharing!.sizes(place.server, database);
    expect(await sizes()).toEqual(new Map());
    await stand.play(large, write(3_000));
    await stand.play(small as typeof large, write(300));
    await runAt(urlOf(database.name), "analyze");
    const found = await sizes();
    const [much, little] = [large, small].map((one) => found.get(one.place.environmentId)!);
    expect(much).toBeGreaterThan(3_000 * 900);
    expect(little).toBeGreaterThan(300 * 900);
    expect(much! / little!).toBeCloseTo(10, 0);
    // The tables are as sealed as they were.
    expect(await driver.verify(place.server, database)).toEqual([]);
  });

  test.runIf(isGiven)("a table that is in use for long isn't waited for, and left out", async () => {
    const large = await stand.build("shared", schemaOf(newId(), text));
    const { driver, place, database } = large;
    await stand.play(large, write(300));
    const reader = new pg.Client({ connectionString: urlOf(database.name) });
    await reader.connect();
    try {
      await reader.query("analyze; begin; select count(*) from public.notes");
      expect(await driver.sharing!.sizes(place.server, database)).toEqual(new Map());
      await reader.query("commit");
      expect((await driver.sharing!.sizes(place.server, database)).size).toBe(1);
    } finally {
      await reader.end();
    }
  });
});
