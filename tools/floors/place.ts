/** The floors of packages/server/src, low to high. Nothing imports a higher one. */
export const floors = ["kernel", "infra", "drivers", "features", "gateway", "entry"] as const;
export type Floor = (typeof floors)[number];

/** Where in the house a file stands; everything is read off its path. */
export interface Place {
  path: string;
  /** `packages/server`, `apps/sites`, or `tools`, `test`, `bench`. */
  area: string;
  /** Set inside packages/server/src alone; null there: a file outside every floor. */
  floor: Floor | "testing" | null;
  inServerSource: boolean;
  feature: string | null;
  /** `database/schema`: one implementation of a kind of driver. What several share stands in the kind's `common`. */
  driver: string | null;
  isTest: boolean;
}

const testAreas = ["test", "bench"];
const testName = /\.(test|testsuite)\.[cm]?[jt]sx?$/;

export function placeOf(path: string): Place {
  const parts = path.split("/");
  const inWorkspace = parts[0] === "packages" || parts[0] === "apps";
  const area = inWorkspace ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
  const inServerSource = path.startsWith("packages/server/src/");
  const room = inServerSource ? parts.slice(3) : [];
  const floor = inServerSource ? floorOf(room) : null;
  return {
    path,
    area,
    floor,
    inServerSource,
    feature: floor === "features" && room.length > 2 ? (room[1] ?? null) : null,
    driver:
      floor === "drivers" && room.length > 3 && room[2] !== "common" ? room.slice(1, 3).join("/") : null,
    // A bench looks at the house from outside as a test does, and starts what it measures by the same helpers.
    isTest:
      testName.test(path) || floor === "testing" || testAreas.includes(parts[inWorkspace ? 2 : 0] ?? ""),
  };
}

function floorOf(room: string[]): Place["floor"] {
  // The package's own front door wires as entry does.
  if (room.length === 1) return room[0] === "index.ts" ? "entry" : null;
  if (room[0] === "testing") return "testing";
  return floors.find((floor) => floor === room[0]) ?? null;
}

/** The number of a file's floor, 0 being the lowest; -1 outside the floors. */
export function heightOf(place: Place | null): number {
  return floors.indexOf(place?.floor as Floor);
}
