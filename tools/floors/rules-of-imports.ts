import type { Edge, House } from "./house.ts";
import { heightOf, type Place } from "./place.ts";

/** What is wrong with one import, or null. `remedy` says what to do instead. */
type ImportRule = (edge: Edge, house: House) => { message: string; remedy: string } | null;

/** The workspaces of ours that each workspace may import; apps and unknown packages: see below. */
const allowedWorkspaces: Record<string, string[]> = {
  "packages/contract": [],
  "packages/data": ["packages/contract"],
  "packages/sdk": ["packages/contract", "packages/data"],
  "packages/cli": ["packages/contract", "packages/data", "packages/sdk"],
  "packages/console": ["packages/contract"],
  "packages/server": ["packages/contract", "packages/data"],
  "packages/testing": ["packages/contract", "packages/data", "packages/sdk"],
};

/** npm packages that are hidden behind one room of ours. */
const confinedPackages: { names: RegExp; rooms: string[] }[] = [
  {
    names: /^(@types\/)?pg(-cursor|-copy-streams|-native|-pool|-query-stream)?$/,
    rooms: ["packages/server/src/infra/db/", "packages/server/src/drivers/database/", "packages/data/"],
  },
  { names: /^pg-boss$/, rooms: ["packages/server/src/infra/jobs/"] },
];

const outsideWorld = new Set([
  "child_process",
  "cluster",
  "dgram",
  "dns",
  "fs",
  "http",
  "http2",
  "https",
  "net",
  "tls",
  "worker_threads",
]);

/** Test support may use anything; what it may be used by is `tests-stay-outside`. */
const isTestSupport = (place: Place | null) => place?.floor === "testing";

export const importRules: Record<string, ImportRule> = {
  "unresolved-import": ({ from, specifier, target }) => {
    if (target.kind !== "missing") return null;
    // Benches and tests pick modules by name; what ships may not, for nobody could check its floors.
    if (specifier === null && (from.isTest || !isWorkspace(from))) return null;
    return {
      message: `cannot follow ${specifier === null ? "this import" : `"${specifier}"`}: ${target.why}`,
      remedy: "import by a literal name that exists, so that the floors can be checked",
    };
  },

  "tests-stay-outside": ({ from, to }) =>
    to?.isTest && !from.isTest
      ? {
          message: `${from.path} is not a test but imports test code, ${to.path}`,
          remedy:
            "only *.test.ts, *.testsuite.ts and test/ import tests and testing/; move what is shared out",
        }
      : null,

  "package-borders": ({ from, to }) => {
    if (!to || to.area === from.area || isTestSupport(from) || isTestSupport(to)) return null;
    if (from.isTest && to.area === "test") return null;
    const allowed = allowedBy(from);
    if (!allowed || allowed.includes(to.area)) return null;
    return {
      message: `${from.area} imports ${to.area}, and may import ${allowed.join(", ") || "nothing of ours"}`,
      remedy: "talk over the API or put the shared shape into packages/contract",
    };
  },

  "package-door": ({ from, to, specifier }) =>
    to && specifier?.startsWith(".") && isWorkspace(to) && to.area !== from.area && !isTestSupport(to)
      ? {
          message: `${specifier} reaches into ${to.area} by its path`,
          remedy: "import it by its package name, through the package's exports",
        }
      : null,

  "floor-order": ({ from, to }) => {
    const [own, other] = [heightOf(from), heightOf(to)];
    if (own === -1 || other <= own) return null;
    return {
      message: `${from.floor} (floor ${own}) imports ${to?.floor} (floor ${other}): ${to?.path}`,
      remedy:
        "lower never calls upward: publish an event, or take what you need as an argument from entry/compose",
    };
  },

  "gateway-is-lean": ({ from, to, specifier }) => {
    if (from.floor !== "gateway" || !to) return null;
    const lean = ["kernel", "infra", "gateway", "testing"].includes(to.floor ?? "");
    if (lean || to.area === "packages/contract" || heightOf(to) > heightOf(from)) return null;
    return {
      message: `the gateway imports "${specifier}"; its hot path has kernel and infra only`,
      remedy:
        "read what the gateway needs from its `routes` snapshot, or move the code down to kernel or infra",
    };
  },

  "feature-rank": ({ from, to }, { featureOrder }) => {
    if (!from.feature || !to?.feature || from.feature === to.feature || !featureOrder) return null;
    const [own, other] = [featureOrder.indexOf(from.feature), featureOrder.indexOf(to.feature)];
    if (own === -1 || other === -1 || other < own) return null;
    return {
      message: `feature ${from.feature} (rank ${own}) imports ${to.feature} (rank ${other})`,
      remedy: `let ${to.feature} subscribe to an event of ${from.feature}, or change order.json with an ADR`,
    };
  },

  "feature-door": ({ from, to }) =>
    from.feature && to?.feature && from.feature !== to.feature && !to.path.endsWith(`/${to.feature}/index.ts`)
      ? {
          message: `feature ${from.feature} imports an inner room, ${to.path}`,
          remedy: `import features/${to.feature}/index.ts, and export there what others may use`,
        }
      : null,

  "drivers-apart": ({ from, to }) =>
    from.driver && to?.driver && from.driver !== to.driver
      ? {
          message: `driver ${from.driver} imports driver ${to.driver}`,
          remedy: "move what both need into the kind's folder common/, into infra, or into packages/data",
        }
      : null,

  "confined-package": ({ from, target }) => {
    if (target.kind !== "package" || from.isTest || !isWorkspace(from)) return null;
    const confined = confinedPackages.find((it) => it.names.test(target.name));
    if (!confined || confined.rooms.some((room) => from.path.startsWith(room))) return null;
    return {
      message: `"${target.name}" is imported outside ${confined.rooms.join(", ")}`,
      remedy: "use the types and functions that those rooms export",
    };
  },

  "kernel-is-pure": ({ from, target }) =>
    from.floor === "kernel" &&
    !from.isTest &&
    target.kind === "builtin" &&
    outsideWorld.has(rootOf(target.name))
      ? {
          message: `the kernel imports node:${target.name}, which reaches the outside world`,
          remedy: "put input and output into infra, and pass its result in",
        }
      : null,
};

function allowedBy(place: Place): string[] | null {
  if (place.area.startsWith("apps/")) return ["packages/sdk"];
  // A package that nobody has thought about yet is a client until it is entered above.
  if (place.area.startsWith("packages/")) return allowedWorkspaces[place.area] ?? ["packages/contract"];
  return null;
}

/** Part of the product, as opposed to tools, benches and tests of the whole. */
function isWorkspace(place: Place): boolean {
  return place.area.includes("/");
}

function rootOf(builtin: string): string {
  return builtin.split("/")[0] ?? builtin;
}
