import { expect, test } from "vitest";
import { toBuild } from "./spare-keeper.ts";

const shelf = { appId: "a", schemaVersion: 1, serverId: "s", spares: 0, building: 0, room: 100 };
const counts = (shelves: Parameters<typeof toBuild>[0], wanted = 8) =>
  toBuild(shelves, () => wanted).map(({ count }) => count);

test("a shelf is filled up to what is wanted, counting what is being built", () => {
  expect(counts([{ ...shelf, spares: 5, building: 1 }])).toEqual([2]);
  expect(counts([{ ...shelf, spares: 9 }])).toEqual([0]);
});

test("no server builds more than four at once, over all apps", () => {
  const shelves = [
    { ...shelf, building: 1 },
    { ...shelf, appId: "b", building: 1 },
    { ...shelf, appId: "c" },
    { ...shelf, serverId: "other" },
  ];
  expect(counts(shelves)).toEqual([2, 0, 0, 4]);
});

test("a server without room gets none", () => {
  expect(counts([{ ...shelf, room: 1 }])).toEqual([1]);
  expect(counts([{ ...shelf, room: -3 }])).toEqual([0]);
});
