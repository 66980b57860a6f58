import { describe, expect, it } from "vitest";
import { resolveIsolation } from "./isolation.ts";

const request = { name: "Acme" };

describe("the isolation of a new tenant", () => {
  it("is the installation's default: a database of its own, prefixes, a shared process", () => {
    expect(resolveIsolation(request, "database")).toEqual({
      database: "database",
      storage: "prefix",
      cache: "prefix",
      compute: "shared",
    });
  });

  it("that isn't built yet is refused, naming the field", () => {
    const wanted = { ...request, isolation: { database: "sqlite", storage: "bucket" } } as const;
    expect(() => resolveIsolation(wanted, "database")).toThrow(
      expect.objectContaining({
        code: "isolation_unavailable",
        details: expect.objectContaining({
          errors: [
            expect.objectContaining({ pointer: "/isolation/database" }),
            expect.objectContaining({ pointer: "/isolation/storage" }),
          ],
        }),
      }),
    );
  });

  it("by a preset is refused at the preset, unless the request itself puts it right", () => {
    expect(() => resolveIsolation({ ...request, preset: "soft" }, "database")).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/preset" })] }),
      }),
    );
    const mended = { ...request, preset: "soft", isolation: { database: "database" } } as const;
    expect(resolveIsolation(mended, "database").database).toBe("database");
  });
});
