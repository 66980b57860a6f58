import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer } from "../../../testing/database-servers.ts";
import { openStand, type Stand } from "../../../testing/rows-stand.ts";
import { runAt } from "../driver.testsuite.ts";
import { schemaOf } from "../harness.testsuite.ts";

let stand: Stand;
beforeAll(async () => {
  stand = await openStand(embeddedLikeServer);
});
afterAll(() => stand.close());

test("whoever has most of the rows is told to have most of the bytes, and nobody before anything was counted", async () => {
  const text = "create table notes (id serial primary key, title text not null)";
  const large = await stand.build("shared", schemaOf(newId(), text));
  const small = await stand.neighbourOf(large);
  const { driver, place, database } = large;
  const sizes = () => driver.sharing!.sizes(place.server, database);
  expect(await sizes()).toEqual(new Map());
  const write = (rows: number) => [
    `insert into notes (title) select repeat('x', 900) from generate_series(1, ${rows})`,
  ];
  await stand.play(large, write(3_000));
  await stand.play(small as typeof large, write(300));
  const url = new URL(stand.postgres.superuserUrl);
  url.pathname = `/${database.name}`;
  await runAt(url.href, "analyze");
  const found = await sizes();
  const [much, little] = [large, small].map((one) => found.get(one.place.environmentId)!);
  expect(much).toBeGreaterThan(3_000 * 900);
  expect(little).toBeGreaterThan(300 * 900);
  expect(much! / little!).toBeCloseTo(10, 0);
});
