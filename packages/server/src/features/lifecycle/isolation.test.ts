import { describe, expect, it } from "vitest";
import { resolveIsolation } from "./isolation.ts";

const request = { name: "Acme" };
const available = { storage: ["prefix"], cache: ["prefix"] };

describe("the isolation of a new tenant", () => {
  it("is the installation's default: a database of its own, prefixes, a shared process", () => {
    expect(resolveIsolation(request, "database", available)).toEqual({
      database: "database",
      storage: "prefix",
      cache: "prefix",
      compute: "shared",
    });
  });

  it("that isn't built yet is refused, naming the field", () => {
    const wanted = { ...request, isolation: { storage: "bucket", compute: "process" } } as const;
    expect(() => resolveIsolation(wanted, "database", available)).toThrow(
      expect.objectContaining({
        code: "isolation_unavailable",
        details: expect.objectContaining({
          errors: [
            expect.objectContaining({ pointer: "/isolation/storage" }),
            expect.objectContaining({ pointer: "/isolation/compute" }),
          ],
        }),
      }),
    );
  });

  it("by a preset is refused at the preset, unless the request itself puts it right", () => {
    expect(() => resolveIsolation({ ...request, preset: "medium" }, "database", available)).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          errors: ["storage", "cache", "compute"].map((kind) =>
            expect.objectContaining({ pointer: "/preset", message: expect.stringContaining(kind) }),
          ),
        }),
      }),
    );
    const isolation = { storage: "prefix", cache: "prefix", compute: "shared" } as const;
    const mended = { ...request, preset: "medium", isolation } as const;
    expect(resolveIsolation(mended, "database", available).database).toBe("database");
  });

  it("that is hard takes a database server to itself; of the other kinds it says that they aren't built", () => {
    const isolation = { storage: "prefix", cache: "prefix", compute: "shared" } as const;
    expect(resolveIsolation({ ...request, preset: "hard", isolation }, "database", available).database).toBe(
      "dedicated",
    );
    expect(() => resolveIsolation({ ...request, preset: "hard" }, "database", available)).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          errors: ["storage", "cache", "compute"].map((kind) =>
            expect.objectContaining({ pointer: "/preset", message: expect.stringContaining(kind) }),
          ),
        }),
      }),
    );
  });

  it("that can't be had is told with all that is missing, and with what to do about each", () => {
    const told = (preset: "medium" | "hard", servers: typeof available) => {
      try {
        resolveIsolation({ ...request, preset }, "database", servers);
      } catch (error) {
        return (error as { details: { detail: string; remedy: string } }).details;
      }
      throw new Error("It was to be refused.");
    };
    const nothing = told("hard", available);
    for (const kind of ["storage", "cache", "compute"]) expect(nothing.detail).toContain(`${kind} "`);
    for (const way of ["tenantry storage add --own", "tenantry cache add --own"])
      expect(nothing.remedy).toContain(way);
    const servers = { storage: ["prefix", "bucket"], cache: ["prefix", "user"] };
    const { detail, remedy } = told("medium", servers);
    expect(detail).toBe('compute "process" isn\'t available; available: shared.');
    expect(remedy).toMatch(/aren't built yet.*--level database --storage bucket --cache user/);
    // What it says to do does it.
    const asked = { ...request, preset: "medium", isolation: { compute: "shared" } } as const;
    const levels = { database: "database", storage: "bucket", cache: "user", compute: "shared" };
    expect(resolveIsolation(asked, "database", servers)).toEqual(levels);
    expect(resolveIsolation({ ...request, isolation: levels } as never, "shared", servers)).toEqual(levels);
  });

  it("that is soft shares everything", () => {
    const shared = { database: "shared", storage: "prefix", cache: "prefix", compute: "shared" };
    expect(resolveIsolation({ ...request, preset: "soft" }, "database", available)).toEqual(shared);
  });
});
