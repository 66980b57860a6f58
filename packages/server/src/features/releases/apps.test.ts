import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { addedMigrations } from "./apps.ts";

const known = ["0001_a.sql", "0002_b.sql"].map((name, index) => ({
  ordinal: index + 1,
  name,
  sql: name,
  checksum: createHash("sha256").update(name).digest("hex"),
}));
const sent = known.map(({ name, sql }) => ({ name, sql }));

describe("a release's migrations", () => {
  it("add only those that come after the known ones", () => {
    expect(addedMigrations(known, sent)).toEqual([]);
    const more = [...sent, { name: "0003_c.sql", sql: "select 3" }];
    expect(addedMigrations(known, more)).toMatchObject([{ ordinal: 3, name: "0003_c.sql", sql: "select 3" }]);
  });

  it.each([
    ["changed", [sent[0]!, { name: "0002_b.sql", sql: "other" }], /0002_b.sql was applied in another form/],
    ["removed", [sent[0]!], /nothing stands now/],
    ["moved", [sent[1]!, sent[0]!], /where 0002_b.sql stands now/],
    ["preceded by a new one", [{ name: "0000.sql", sql: "" }, ...sent], /where 0000.sql stands now/],
  ])("are refused when a known one was %s", (_what, migrations, message) => {
    expect(() => addedMigrations(known, migrations)).toThrow(message);
  });

  it("are refused when two have one name", () => {
    expect(() => addedMigrations([], [sent[0]!, sent[0]!])).toThrow(
      /Two migrations have the name 0001_a.sql/,
    );
  });
});
