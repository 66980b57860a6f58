import fc from "fast-check";
import { expect, test } from "vitest";
import { parseHost } from "./hostname.ts";
import { parseTarget } from "./request-target.ts";

test.each([
  ["acme.example.com", "acme.example.com"],
  ["ACME.Example.COM", "acme.example.com"],
  ["acme.example.com.", "acme.example.com"],
  ["acme.localhost:8585", "acme.localhost"],
  ["Acme.localhost.:8585", "acme.localhost"],
  ["acme.localhost:", "acme.localhost"],
  ["acme--staging.localhost", "acme--staging.localhost"],
  ["xn--mnchen-3ya.example", "xn--mnchen-3ya.example"],
  ["127.0.0.1:80", "127.0.0.1"],
  ["[::1]:8585", "[::1]"],
  ["[2001:DB8::1]", "[2001:db8::1]"],
])("%j is the host %j", (header, hostname) => {
  expect(parseHost(header)).toBe(hostname);
});

test.each([
  "",
  ".",
  ":80",
  ".acme.localhost",
  "acme..localhost",
  "acme.localhost..",
  "acme.localhost:http",
  "acme.localhost:80:80",
  "acme.localhost:123456",
  "user@acme.localhost",
  "acme.localhost/path",
  "acme localhost",
  "acme\tlocalhost",
  "acme%2elocalhost",
  "münchen.example",
  "acme.localhost,other.localhost",
  "[::1",
  "[::1]x",
  "[acme.localhost]",
  "::1",
  "a\0b",
  `${"a".repeat(64)}.localhost`,
  `${"a.".repeat(130)}localhost`,
])("%j is no host", (header) => {
  expect(parseHost(header)).toBeUndefined();
});

test("a host found in a header is in its final form already", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.domain(),
        fc.ipV6().map((ip) => `[${ip}]`),
      ),
      (header) => {
        const hostname = parseHost(header);
        if (hostname === undefined) return;
        expect(hostname).toMatch(/^[a-z0-9._-]+$|^\[[0-9a-f:.]+\]$/);
        expect(parseHost(hostname)).toBe(hostname);
      },
    ),
  );
});

test.each([
  ["/", "/"],
  ["/a%2Fb/../c;d?x=1&y=%00", "/a%2Fb/../c;d?x=1&y=%00"],
  ["//evil.example/", "//evil.example/"],
  ["http://acme.localhost/x?y", "/x?y"],
  ["HTTPS://ACME.localhost.:8585", "/"],
  ["http://acme.localhost?x=1", "/?x=1"],
])("the target %j leads to the path %j", (target, path) => {
  expect(parseTarget(target, "acme.localhost")).toBe(path);
});

test.each([
  "http://other.localhost/",
  "http://user@acme.localhost/",
  "ftp://acme.localhost/",
  "*",
  "acme",
  "/a#b",
  "",
])("the target %j is refused", (target) => {
  expect(parseTarget(target, "acme.localhost")).toBeUndefined();
});
