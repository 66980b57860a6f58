import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeUuid, firstIdAt, newId, parseId, requireId, showId, timeOf } from "./ids.ts";

describe("an id", () => {
  it("is a UUIDv7: later ones sort after earlier ones, and it tells when it was made", () => {
    const soon = Date.now() + 60_000;
    const [earlier, later] = [newId(soon), newId(soon + 1)];
    expect(earlier < later).toBe(true);
    expect(earlier).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOf(earlier)).toBe(soon);
  });

  it("sorts after all that were made before, in the same millisecond and while the clock goes back", () => {
    const now = Date.now();
    const times = [...Array.from({ length: 10_000 }, () => now), now - 5_000, now - 1];
    const ids = times.map((time) => newId(time));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("sorts after the first of the time at which it was made, and before the first of a later one", () => {
    const soon = Date.now() + 120_000;
    const id = newId(soon);
    expect([firstIdAt(soon), id, firstIdAt(soon + 1)].toSorted()[1]).toBe(id);
    expect(timeOf(firstIdAt(soon))).toBe(soon);
  });

  it("comes back from its TypeID as it was, and only under its own prefix", () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        const shown = showId("tnt", uuid);
        expect(shown).toMatch(/^tnt_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
        expect(parseId("tnt", shown)).toBe(uuid);
        expect(parseId("env", shown)).toBeUndefined();
      }),
    );
  });

  it("in base32 sorts as the UUID does", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        expect(encodeUuid(one) < encodeUuid(other)).toBe(one < other);
      }),
    );
  });

  it("is read from the form alone: any other text is none", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const id = parseId("op", text);
        if (id !== undefined) expect(showId("op", id)).toBe(text);
      }),
    );
    // More than 128 bits, upper case, letters that the alphabet leaves out.
    for (const text of [
      "op_8zzzzzzzzzzzzzzzzzzzzzzzzz",
      "op_01JD0000000000000000000000",
      "op_01il0000000000000000000000",
    ]) {
      expect(parseId("op", text)).toBeUndefined();
    }
  });

  it("that is required and missing is an error that names its field", () => {
    expect(() => requireId("tnt", "nonsense", "/parentId")).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        details: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/parentId" })] }),
      }),
    );
  });
});
