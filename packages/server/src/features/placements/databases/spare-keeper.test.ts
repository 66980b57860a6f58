import { expect, test } from "vitest";
import { toBuild } from "./spare-keeper.ts";

const shelf = {
  ...{ appId: "a", schemaVersion: 1, serverId: "s", level: "database" as const },
  ...{ spares: 0, building: 0, room: 100, takenLately: 0, underWay: 0 },
};
const counts = (shelves: Parameters<typeof toBuild>[0], wanted = 8) => {
  const built = toBuild(shelves, () => wanted);
  return shelves.map(({ appId, serverId }) => {
    return built.find((one) => one.appId === appId && one.serverId === serverId)!.count;
  });
};

test("a shelf is filled up to what is wanted, counting what is being built", () => {
  expect(counts([{ ...shelf, spares: 6, building: 1 }])).toEqual([1]);
  expect(counts([{ ...shelf, spares: 9 }])).toEqual([0]);
});

test("no server builds more than four at once, over all apps", () => {
  const shelves = [
    { ...shelf, building: 1 },
    { ...shelf, appId: "b", building: 1 },
    { ...shelf, appId: "c", spares: 1 },
    { ...shelf, serverId: "other" },
  ];
  expect(counts(shelves)).toEqual([2, 0, 0, 4]);
});

test("schemas and databases of one server share what it builds at once", () => {
  const [databases, schemas] = [
    { ...shelf, spares: 3 },
    { ...shelf, level: "schema" as const, spares: 1 },
  ];
  const built = toBuild([databases, schemas], ({ level }) => (level === "schema" ? 4 : 8));
  expect(built.map(({ level, count }) => [level, count])).toEqual([
    ["schema", 3],
    ["database", 1],
  ]);
});

test("a shelf that will do for now is filled two at a time, one while something is under way, and none during a burst", () => {
  const filled = { ...shelf, spares: 4 };
  expect([0, 1, 2, 9].map((underWay) => counts([{ ...filled, underWay }]))).toEqual([[2], [1], [0], [0]]);
  expect(counts([{ ...filled, building: 2 }])).toEqual([0]);
});

test("a shelf that is nearly empty is filled four at a time even during a burst, and before fuller ones", () => {
  const nearlyEmpty = { ...shelf, appId: "b", spares: 3, underWay: 50 };
  expect(counts([{ ...shelf, spares: 7, underWay: 50 }, nearlyEmpty])).toEqual([0, 4]);
});

test("it is told whether something is wanted that has to wait", () => {
  const held = (spares: number, underWay: number, room = 100) =>
    toBuild([{ ...shelf, spares, underWay, room }], () => 8)[0]!.held;
  expect(held(5, 9)).toBe(true);
  expect(held(6, 0)).toBe(false);
  expect(held(8, 9)).toBe(false);
  expect(held(5, 9, 0)).toBe(false);
});

test("a server's last free place is left free, and one without room gets none", () => {
  expect(counts([{ ...shelf, room: 2 }])).toEqual([1]);
  expect(counts([{ ...shelf, room: 1 }])).toEqual([0]);
  expect(counts([{ ...shelf, room: -3 }])).toEqual([0]);
});
