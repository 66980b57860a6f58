import type { TenantReply } from "@tenantry/contract";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectAccessible, launchChromium, openPage } from "../support/chromium.ts";
import { type Installation, startInstallation } from "../support/installation.ts";

const password = "correct horse battery";
const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

let installation: Installation;
let browser: Browser;

beforeAll(async () => {
  installation = await startInstallation();
  await Promise.all(["acme", "other"].map(createSite));
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await installation?.[Symbol.asyncDispose]();
});

function createSite(slug: string): Promise<TenantReply> {
  return installation.api.createTenant(slug, { admin: { email: `admin@${slug}.example`, password } });
}

const addressOf = (slug: string): string => `http://${slug}.localhost:${installation.gatewayPort}`;

async function logIn(page: Page, slug: string): Promise<void> {
  await page.goto(`${addressOf(slug)}/admin`);
  await page.getByLabel("E-mail address").fill(`admin@${slug}.example`);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/admin/pages");
}

async function cookieOf(context: BrowserContext): Promise<string> {
  const [cookie] = await context.cookies();
  return `${cookie!.name}=${cookie!.value}`;
}

describe("a tenant's site, through the gateway", () => {
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    context = await browser.newContext();
    ({ page, complaints } = await openPage(context));
  });

  test("shows the tenant's own name before anybody wrote anything", async () => {
    await page.goto(`${addressOf("acme")}/`);
    expect(await page.title()).toBe("The acme company");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("The acme company");
    await expectAccessible(page, "the welcome page");
  });

  test("is written by its admin, and live at once, picture included", async () => {
    await logIn(page, "acme");
    await page.getByRole("link", { name: "Media" }).click();
    await page
      .getByLabel("Upload files")
      .setInputFiles([{ name: "anvil.png", mimeType: "image/png", buffer: picture }]);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await page.waitForURL("**done=uploaded");
    const snippet = await page.getByLabel("Markdown for anvil.png").inputValue();
    await page.goto(`${addressOf("acme")}/admin/pages/new?slug=home`);
    await page.getByLabel("Title").fill("We make anvils");
    await page.getByLabel("Text").fill(`The **best** of them.\n\n${snippet}`);
    await page.getByRole("button", { name: "Save and publish" }).click();
    await page.waitForURL("**done=published");
    await page.getByRole("link", { name: "View the page" }).click();
    expect(page.url()).toBe(`${addressOf("acme")}/`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("We make anvils");
    const image = page.getByRole("img", { name: "anvil" });
    await expect
      .poll(() => image.evaluate((shown) => (shown as { naturalWidth?: number }).naturalWidth))
      .toBe(1);
    expect((await installation.visit("acme")).body).toContain("<strong>best</strong>");
    expect(complaints).toEqual([]);
  });

  test("is nowhere to be seen at another tenant", async () => {
    const media = /src="(\/media\/[^"]*)"/.exec((await installation.visit("acme")).body)![1]!;
    expect((await installation.visit("acme", media)).headers["content-type"]).toBe("image/png");
    expect((await installation.visit("other", media)).status).toBe(404);
    const home = await installation.visit("other");
    expect(home.body).toContain("<h1>The other company</h1>");
    expect(home.body).not.toContain("anvils");
  });

  test("refuses another tenant's session and another tenant's password", async () => {
    const cookie = await cookieOf(context);
    expect((await installation.visit("acme", "/admin/pages", { headers: { cookie } })).status).toBe(200);
    const atOther = await installation.visit("other", "/admin/pages", { headers: { cookie } });
    expect([atOther.status, atOther.headers.location]).toEqual([303, "/admin/login?next=%2Fadmin%2Fpages"]);
    const login = await post("other", "/admin/login", { email: "admin@acme.example", password });
    expect(login.status).toBe(401);
  });

  test("ends a session for good when its user logs out", async () => {
    const cookie = await cookieOf(context);
    await page.goto(`${addressOf("acme")}/admin/pages`);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(`${addressOf("acme")}/`);
    await expect
      .poll(async () => (await installation.visit("acme", "/admin/pages", { headers: { cookie } })).status, {
        timeout: 10_000,
      })
      .toBe(303);
  });

  test("slows down who guesses passwords, and says how long", async () => {
    const guesses = Array.from(
      { length: 8 },
      () => () => post("other", "/admin/login", { email: "admin@other.example", password: "guess" }),
    );
    const statuses: number[] = [];
    for (const guess of guesses) statuses.push((await guess()).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    const refused = await post("other", "/admin/login", { email: "admin@other.example", password });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect(refused.body).toMatch(/Please wait \d+ (seconds|minutes)/);
  });
});

function post(slug: string, path: string, fields: Record<string, string>) {
  return installation.visit(slug, path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
}
