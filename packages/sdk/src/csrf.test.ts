import { expect, test } from "vitest";
import { checkOrigin, csrfToken } from "./csrf.ts";

const session = "s".repeat(43);
const own = { host: "acme.localhost:8585", cookie: `tenantry_session=${session}` };
const post = (headers: Record<string, string>, formToken?: string) =>
  checkOrigin({ method: "POST", headers: { ...own, ...headers } }, formToken).allowed;

test.each([
  ["a browser's own form", { "sec-fetch-site": "same-origin" }, true],
  ["the address bar", { "sec-fetch-site": "none" }, true],
  ["another site", { "sec-fetch-site": "cross-site" }, false],
  ["another tenant of this domain", { "sec-fetch-site": "same-site" }, false],
  [
    "another site that says the right origin",
    { "sec-fetch-site": "cross-site", origin: "http://acme.localhost:8585" },
    false,
  ],
  ["an older browser on this host", { origin: "http://acme.localhost:8585" }, true],
  ["an older browser on another tenant's host", { origin: "http://evil.localhost:8585" }, false],
  ["an older browser on another port", { origin: "http://acme.localhost:9999" }, false],
  ["a sandboxed frame", { origin: "null" }, false],
  ["a browser that says nothing", {}, false],
])("a change sent by %s is allowed or not", (_, headers, allowed) => {
  expect(post(headers as Record<string, string>)).toBe(allowed);
});

test("a default port may be named or not", () => {
  const headers = { host: "acme.example.com:443", origin: "https://acme.example.com" };
  expect(checkOrigin({ method: "POST", headers })).toEqual({ allowed: true });
});

test("a browser that says nothing proves itself by the form's token, which fits its session alone", () => {
  expect(post({}, csrfToken(session))).toBe(true);
  expect(post({}, csrfToken("x".repeat(43)))).toBe(false);
  expect(post({}, "")).toBe(false);
  expect(post({ "sec-fetch-site": "cross-site" }, csrfToken(session))).toBe(false);
});

test("reading is always allowed, and so is a request without a session that no browser sent", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    expect(checkOrigin({ method, headers: { ...own, "sec-fetch-site": "cross-site" } }).allowed).toBe(true);
  }
  expect(checkOrigin({ method: "DELETE", headers: { host: "acme.localhost" } }).allowed).toBe(true);
});
