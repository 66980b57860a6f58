import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createTenantry,
  LoginRefused,
  RuntimeUnavailable,
  type TenantContext,
  type Tenantry,
  TooManyAttempts,
} from "./index.ts";
import { type TestInstallation, testInstallation } from "./testing/installation.ts";

const log = { info: () => undefined, warn: () => undefined };
const credentials = { email: "ann@example.com", password: "correct horse battery" };
let installation: TestInstallation;
let tenantry: Tenantry;
let acme: TenantContext;
let other: TenantContext;

beforeEach(async () => {
  installation = await testInstallation();
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log });
  acme = await tenantry.run(installation.addTenant("acme").id, (context) => context);
  other = await tenantry.run(installation.addTenant("other").id, (context) => context);
});
afterEach(async () => {
  await tenantry.close();
  installation.stop();
});

test("a log-in gives a token by which the user is known in that tenant alone", async () => {
  const { token, user } = await tenantry.run(acme, () => tenantry.auth.login(credentials));
  expect(user.email).toBe("ann@example.com");
  expect(await tenantry.run(acme, () => tenantry.auth.user(token))).toEqual(user);
  expect(await tenantry.run(other, () => tenantry.auth.user(token))).toBeUndefined();
});

test("a wrong password and too many attempts are errors of their own", async () => {
  await expect(acme.auth.login({ ...credentials, password: "wrong" })).rejects.toBeInstanceOf(LoginRefused);
  const throttled = acme.auth.login({ ...credentials, email: "throttled@example.com" });
  await expect(throttled).rejects.toBeInstanceOf(TooManyAttempts);
  await expect(throttled).rejects.toMatchObject({ status: 429, retryAfterSeconds: 7 });
});

test("whatever a visitor types is a log-in that fails", async () => {
  for (const typed of ["", "\0", "x".repeat(100_000)]) {
    await expect(acme.auth.login({ ...credentials, email: typed })).rejects.toBeInstanceOf(LoginRefused);
    await expect(acme.auth.login({ ...credentials, password: typed })).rejects.toBeInstanceOf(LoginRefused);
  }
});

test("many requests of one session ask the API once", async () => {
  const { token } = await acme.auth.login(credentials);
  await Promise.all(Array.from({ length: 50 }, () => acme.auth.user(token)));
  await acme.auth.user(token);
  expect(installation.asked.get("auth/session")).toBe(1);
});

test("logging out is known at once, and repeatable", async () => {
  const { token } = await acme.auth.login(credentials);
  expect(await acme.auth.user(token)).toBeDefined();
  await acme.auth.logout(token);
  await acme.auth.logout(token);
  expect(await acme.auth.user(token)).toBeUndefined();
});

test("what can't be a token is nobody's, without a question", async () => {
  for (const token of [undefined, "", "short", "x".repeat(5_000), `${"x".repeat(42)}\n`]) {
    expect(await acme.auth.user(token)).toBeUndefined();
    await acme.auth.logout(token);
  }
  expect(installation.asked.has("auth/session")).toBe(false);
});

test("while the API is away a session can't be told valid or not, and the failure isn't remembered", async () => {
  const { token } = await acme.auth.login(credentials);
  installation.stop();
  await expect(acme.auth.user(token)).rejects.toBeInstanceOf(RuntimeUnavailable);
  await installation.start();
  expect(await acme.auth.user(token)).toMatchObject({ email: "ann@example.com" });
});
