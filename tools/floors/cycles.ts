import type { Edge, House, Violation } from "./house.ts";

/** One violation for each knot of files that import one another, types included. */
export function findCycles({ edges }: House): Violation[] {
  const next = importsByFile(edges);
  return knots(next).map((knot) => {
    const cycle = shortestCycle(next, knot);
    const [first = "", second = first] = cycle;
    return {
      file: first,
      line: edges.find((edge) => edge.from.path === first && edge.to?.path === second)?.line ?? 1,
      rule: "no-cycles",
      message: `imports itself in a circle: ${cycle.join(" → ")}`,
      remedy: "move what both need into a file of its own, or pass it as an argument",
    };
  });
}

type Imports = Map<string, Set<string>>;

function importsByFile(edges: Edge[]): Imports {
  const next: Imports = new Map();
  for (const { from, to } of edges) {
    if (!to) continue;
    next.set(from.path, (next.get(from.path) ?? new Set()).add(to.path));
  }
  return next;
}

/** Tarjan's strongly connected components, those with a cycle alone; each one sorted. */
function knots(next: Imports): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];

  const visit = (file: string) => {
    index.set(file, index.size);
    low.set(file, index.size - 1);
    stack.push(file);
    for (const target of next.get(file) ?? []) {
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file) ?? 0, low.get(target) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const knot = stack.splice(stack.indexOf(file));
    if (knot.length > 1 || next.get(file)?.has(file)) found.push(knot.sort());
  };

  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** The shortest way from the knot's first file back to itself, breadth first. */
function shortestCycle(next: Imports, knot: string[]): string[] {
  const start = knot[0] ?? "";
  const paths = [[start]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const target of next.get(path.at(-1) ?? "") ?? []) {
      if (target === start) return [...path, start];
      if (seen.has(target) || !knot.includes(target)) continue;
      seen.add(target);
      paths.push([...path, target]);
    }
  }
  return knot;
}
