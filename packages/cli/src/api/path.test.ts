import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CliError } from "../problem.ts";
import { path } from "./path.ts";

describe("a path of the API", () => {
  it("keeps what is filled in within its segment, however hostile", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (slug) => {
        fc.pre(slug !== "." && slug !== "..");
        const { pathname } = new URL(`http://host${path`/v1/tenants/${slug}/users`}`);
        const segments = pathname.split("/");
        expect(segments).toHaveLength(5);
        expect(decodeURIComponent(segments[3]!)).toBe(slug);
      }),
    );
  });

  it.each([
    ["../keys", "/v1/tenants/..%2Fkeys"],
    ["%2e%2e", "/v1/tenants/%252e%252e"],
    ["a?now=true", "/v1/tenants/a%3Fnow%3Dtrue"],
    ["a#b", "/v1/tenants/a%23b"],
    ["a\0b", "/v1/tenants/a%00b"],
    ["ä\u202e", "/v1/tenants/%C3%A4%E2%80%AE"],
  ])("sends %j as it is", (slug, expected) => {
    expect(path`/v1/tenants/${slug}`).toBe(expected);
  });

  it.each([".", "..", "", "\ud800"])("refuses %j, which would reach something else", (slug) => {
    const attempt = () => path`/v1/tenants/acme/users/${slug}`;
    expect(attempt).toThrow(CliError);
    expect(attempt).toThrow(/can't be the name or id of anything/);
  });
});
