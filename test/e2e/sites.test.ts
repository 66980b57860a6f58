import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectAccessible, launchChromium, openPage } from "../support/chromium.ts";
import { fresh } from "../support/fresh.ts";
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
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await installation?.[Symbol.asyncDispose]();
});

const addressOf = (slug: string): string => `http://${slug}.localhost:${installation.gatewayPort}`;
const adminOf = (slug: string): string => `admin@${slug}.example`;

/** A tenant of the test's own, with an admin. */
async function newSite(prefix = "acme"): Promise<string> {
  const slug = fresh(prefix);
  await installation.api.createTenant(slug, { admin: { email: adminOf(slug), password } });
  return slug;
}

async function openBrowser() {
  const context = await browser.newContext();
  return { context, ...(await openPage(context)) };
}

async function logIn(page: Page, slug: string): Promise<void> {
  await page.goto(`${addressOf(slug)}/admin`);
  await page.getByLabel("E-mail address").fill(adminOf(slug));
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/admin/pages");
}

async function cookieOf(context: BrowserContext): Promise<string> {
  const [cookie] = await context.cookies();
  return `${cookie!.name}=${cookie!.value}`;
}

/** As an admin does it who has logged in: uploads a picture, and publishes a home page that shows it. */
async function writeHome(page: Page, slug: string): Promise<void> {
  await page.getByRole("link", { name: "Media" }).click();
  await page
    .getByLabel("Upload files")
    .setInputFiles([{ name: "anvil.png", mimeType: "image/png", buffer: picture }]);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await page.waitForURL("**done=uploaded");
  const snippet = await page.getByLabel("Markdown for anvil.png").inputValue();
  await page.goto(`${addressOf(slug)}/admin/pages/new?slug=home`);
  await page.getByLabel("Title").fill("We make anvils");
  await page.getByLabel("Text").fill(`The **best** of them.\n\n${snippet}`);
  await page.getByRole("button", { name: "Save and publish" }).click();
  await page.waitForURL("**done=published");
}

describe("a tenant's site, through the gateway", () => {
  test("shows the tenant's own name before anybody wrote anything", async () => {
    const slug = await newSite();
    const { page } = await openBrowser();
    await page.goto(`${addressOf(slug)}/`);
    expect(await page.title()).toBe(`The ${slug} company`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe(`The ${slug} company`);
    await expectAccessible(page, "the welcome page");
  });

  test("is written by its admin, and live at once, picture included; and nowhere to be seen at another tenant", async () => {
    const [slug, other] = await Promise.all([newSite(), newSite("other")]);
    const { page, complaints } = await openBrowser();
    await logIn(page, slug);
    await writeHome(page, slug);
    await page.getByRole("link", { name: "View the page" }).click();
    expect(page.url()).toBe(`${addressOf(slug)}/`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("We make anvils");
    const image = page.getByRole("img", { name: "anvil" });
    await expect
      .poll(() => image.evaluate((shown) => (shown as { naturalWidth?: number }).naturalWidth))
      .toBe(1);
    const { body } = await installation.visit(slug);
    expect(body).toContain("<strong>best</strong>");
    expect(complaints).toEqual([]);

    const media = /src="(\/media\/[^"]*)"/.exec(body)![1]!;
    expect((await installation.visit(slug, media)).headers["content-type"]).toBe("image/png");
    expect((await installation.visit(other, media)).status).toBe(404);
    const home = await installation.visit(other);
    expect(home.body).toContain(`<h1>The ${other} company</h1>`);
    expect(home.body).not.toContain("anvils");
  });

  test("refuses another tenant's session and another tenant's password", async () => {
    const [slug, other] = await Promise.all([newSite(), newSite("other")]);
    const { context, page } = await openBrowser();
    await logIn(page, slug);
    const cookie = await cookieOf(context);
    expect((await installation.visit(slug, "/admin/pages", { headers: { cookie } })).status).toBe(200);
    const atOther = await installation.visit(other, "/admin/pages", { headers: { cookie } });
    expect([atOther.status, atOther.headers.location]).toEqual([303, "/admin/login?next=%2Fadmin%2Fpages"]);
    const login = await post(other, "/admin/login", { email: adminOf(slug), password });
    expect(login.status).toBe(401);
  });

  test("ends a session for good when its user logs out", async () => {
    const slug = await newSite();
    const { context, page } = await openBrowser();
    await logIn(page, slug);
    const cookie = await cookieOf(context);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(`${addressOf(slug)}/`);
    await expect
      .poll(async () => (await installation.visit(slug, "/admin/pages", { headers: { cookie } })).status, {
        timeout: 10_000,
      })
      .toBe(303);
  });

  test("slows down who guesses passwords, and says how long", async () => {
    const slug = await newSite();
    const guess = (secret: string) => post(slug, "/admin/login", { email: adminOf(slug), password: secret });
    const statuses: number[] = [];
    for (let count = 0; count < 8; count += 1) statuses.push((await guess("guess")).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    const refused = await guess(password);
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
