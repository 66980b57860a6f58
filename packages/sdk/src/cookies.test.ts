import { expect, test } from "vitest";
import { clearedSessionCookie, readSessionCookie, sessionCookie } from "./cookies.ts";

const token = "t".repeat(43);
const https = { "x-forwarded-proto": "https" };

test("on https the cookie can neither be read by scripts nor be planted by a sibling host", () => {
  const cookie = sessionCookie({ headers: https }, token);
  expect(cookie).toBe(
    `__Host-tenantry_session=${token}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure`,
  );
  expect(cookie).not.toMatch(/domain/i);
});

test("without TLS the cookie has a plain name and no Secure, or the browser would drop it", () => {
  const cookie = sessionCookie({ headers: new Headers({ host: "acme.localhost:8585" }) }, token);
  expect(cookie).toBe(`tenantry_session=${token}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax`);
  expect(sessionCookie({ headers: {}, socket: { encrypted: true } }, token)).toMatch(/^__Host-/);
});

test("the session is read from the cookie that fits the scheme, and from no other", () => {
  const cookie = `a=1; tenantry_session=planted; __Host-tenantry_session=${token}; b=2`;
  expect(readSessionCookie({ headers: { ...https, cookie } })).toBe(token);
  expect(readSessionCookie({ headers: { ...https, cookie: "tenantry_session=planted" } })).toBeUndefined();
  expect(readSessionCookie({ headers: { cookie: `tenantry_session=${token}` } })).toBe(token);
  expect(readSessionCookie({ headers: {} })).toBeUndefined();
  expect(
    readSessionCookie({ headers: { cookie: "xtenantry_session=1; tenantry_sessionx=2; ;=" } }),
  ).toBeUndefined();
});

test("clearing replaces the cookie by one that is over", () => {
  expect(clearedSessionCookie({ headers: https })).toMatch(/^__Host-tenantry_session=; Path=\/; Max-Age=0;/);
});
