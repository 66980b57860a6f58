/** Texts that break careless programs. */
export const hostileTexts = {
  SQL: "'; drop table tenants; --",
  HTML: '<script>alert("x")</script>',
  "control characters": "a\u0007\u001b[31mb\r\nc",
  NUL: "a\u0000b",
  "direction marks": "acme\u202egnp.exe",
} as const;

export type Hostility = keyof typeof hostileTexts | "long text";

export type BadBody = {
  pointer: string;
  what: string;
  payload: string;
  /** The statuses that refuse it properly. */
  statuses: readonly number[];
};

/** What is known of a body that a route accepts. */
export type Shape = {
  /** One that is good, with every field the route knows. */
  body: Record<string, unknown>;
  /** Pointers of fields that may be left out. */
  optional?: readonly string[];
  /** Pointers of fields that may be null. */
  nullable?: readonly string[];
  /** Hostile texts that a field takes, since to it they are only letters: `{ "/name": ["SQL", "HTML"] }`. */
  takes?: Readonly<Record<string, readonly Hostility[]>>;
  /** Pointers of fields that take any JSON: only the text in them is tried. */
  anyJson?: readonly string[];
};

/** A slug that is taken or an application that isn't there may say so, as long as the field is named. */
const refused = [400, 404, 409, 422];
const tenMegabytes = 10 * 1024 * 1024;

/** Every bad variant of a valid body that `describeBadInput` tries. */
export function badBodies(shape: Shape): BadBody[] {
  const bodies = pathsOf(shape.body).flatMap(({ path, value }) => variants(shape, path, value));
  const colour = JSON.stringify({ ...shape.body, colour: "red" });
  return [...bodies, { pointer: "/colour", what: "which is unknown", payload: colour, statuses: refused }];
}

type Path = readonly (string | number)[];

/** Every field, those inside objects and the first of a list as well. */
function pathsOf(value: unknown, before: Path = []): { path: Path; value: unknown }[] {
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.slice(0, 1).map((first) => [0, first])
    : Object.entries(value as object);
  return entries.flatMap(([key, inner]) => {
    const path = [...before, key];
    const deeper = typeof inner === "object" && inner !== null ? pathsOf(inner, path) : [];
    return [{ path, value: inner }, ...deeper];
  });
}

function variants(shape: Shape, path: Path, value: unknown): BadBody[] {
  const pointer = `/${path.join("/")}`;
  const bad = (what: string, replacement: unknown, statuses: readonly number[] = refused): BadBody => ({
    pointer,
    what,
    payload: JSON.stringify(replaced(shape.body, path, replacement)),
    statuses,
  });
  const bodies: BadBody[] = [];
  const isFree = shape.anyJson?.some((free) => pointer === free || pointer.startsWith(`${free}/`));
  if (!isFree) {
    const inList = typeof path.at(-1) === "number";
    if (!inList && !shape.optional?.includes(pointer)) bodies.push(bad("missing", undefined));
    for (const [type, other] of Object.entries(ofEachType)) {
      if (type === typeOf(value) || (type === "null" && shape.nullable?.includes(pointer))) continue;
      bodies.push(bad(`as ${type}`, other));
    }
    if (typeof value === "string" && !shape.takes?.[pointer]?.includes("long text")) {
      bodies.push(bad("too long", "a".repeat(10_001)));
    }
    if (Array.isArray(value)) bodies.push(bad("too long", Array(10_001).fill(value[0] ?? "a")));
  }
  if (typeof value !== "string") return bodies;
  const taken: readonly string[] = shape.takes?.[pointer] ?? [];
  for (const [what, text] of Object.entries(hostileTexts)) {
    if (!taken.includes(what) && !(isFree && what !== "NUL")) bodies.push(bad(`with ${what}`, text));
  }
  return [...bodies, bad("of 10 MB", "a".repeat(tenMegabytes), [413, ...refused])];
}

const ofEachType = {
  null: null,
  "a number": 42,
  "a boolean": true,
  "a text": "text",
  "a list": [],
  "an object": {},
};

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return { number: "a number", boolean: "a boolean", string: "a text", object: "an object" }[
    typeof value as "number" | "boolean" | "string" | "object"
  ];
}

/** A copy with another value at `path`; undefined takes the field away. */
function replaced(body: unknown, path: Path, replacement: unknown): unknown {
  const copy = structuredClone(body);
  const parent = path
    .slice(0, -1)
    .reduce((value, key) => (value as Record<string | number, unknown>)[key], copy);
  (parent as Record<string | number, unknown>)[path.at(-1)!] = replacement;
  return copy;
}
