import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createTenantry,
  EmailNotVerified,
  LoginRefused,
  RuntimeUnavailable,
  type TenantContext,
  type Tenantry,
  TenantryError,
  TooManyAttempts,
  VerificationRefused,
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

test("whatever a visitor's form holds, it is about this tenant and the session that was given", async () => {
  const { token } = await acme.auth.login(credentials);
  const { token: another } = await other.auth.login(credentials);
  installation.asked.clear();
  const form = { ...credentials, environmentId: other.environment.id, token: another };
  await acme.auth.login(form);
  await acme.auth.register(form);
  await acme.auth.verification(form);
  await acme.auth.changePassword(token, { ...form, currentPassword: credentials.password });
  for (const what of ["login", "register", "verification", "password"]) {
    expect(installation.asked.get(`auth/${what} of ${acme.environment.id}`), what).toBe(1);
    expect(installation.asked.get(`auth/${what} of ${other.environment.id}`), what).toBeUndefined();
  }
  expect(await other.auth.user(another)).toBeDefined();
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

test("an address that isn't proven is an error of its own, and what proves it is made for whoever has it", async () => {
  const email = "new@example.com";
  await expect(acme.auth.login({ ...credentials, email })).rejects.toBeInstanceOf(EmailNotVerified);
  const verification = await tenantry.run(acme, () => tenantry.auth.verification({ email }));
  expect(verification).toMatchObject({ email, token: expect.stringMatching(/^[\w-]{43}$/) });
  expect(await tenantry.run(acme, () => tenantry.auth.verifyEmail(verification!.token))).toMatchObject({
    email,
  });
  expect(await acme.auth.verification({ email: "nobody@example.com" })).toBeUndefined();
});

test("what can't prove an address is refused without a question, and what doesn't by the API", async () => {
  for (const token of ["", "x", "\0", "x".repeat(5_000)])
    await expect(acme.auth.verifyEmail(token)).rejects.toBeInstanceOf(VerificationRefused);
  expect(installation.asked.has("auth/verify-email")).toBe(false);
  await expect(acme.auth.verifyEmail("x".repeat(43))).rejects.toMatchObject({
    code: "verification_invalid",
    status: 422,
  });
});

test("whatever a visitor types is an address that nobody has", async () => {
  for (const email of ["", "\0", "x".repeat(100_000)])
    expect(await acme.auth.verification({ email })).toBeUndefined();
});

test("a registration ends without an answer, or with a typed error", async () => {
  expect(await tenantry.run(acme, () => tenantry.auth.register(credentials))).toBeUndefined();
  const refused = acme.auth.register({ ...credentials, email: "full@example.com" });
  await expect(refused).rejects.toBeInstanceOf(TenantryError);
  await expect(refused).rejects.toMatchObject({ code: "user_limit_reached", status: 409 });
});
