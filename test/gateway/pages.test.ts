import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestSite, testSite } from "../../packages/server/src/testing/gateway.ts";
import { requireProgram } from "../support/programs.ts";

let site: TestSite;
let browser: Browser;

beforeAll(async () => {
  site = await testSite();
  browser = await chromium.launch({ executablePath: requireProgram("chromium"), args: ["--no-sandbox"] });
});
afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

async function show(hostname: string, row: Parameters<TestSite["registry"]["routes"]>[1]): Promise<void> {
  await site.registry.routes([hostname], { upstreamId: site.upstreamId, ...row });
  await site.tested.caughtUp();
}

test("someone who waits sees the bar move and then the site, without doing anything", async () => {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The browser logs every answer that isn't a success, which this page is.
    if (message.type() === "error" && !message.text().includes("503")) complaints.push(message.text());
  });
  await show("waiting.localhost", { status: "provisioning", progress: 0.2 });
  await page.goto(`http://waiting.localhost:${site.tested.port}/`);
  await page.locator('progress[value="0.2"]').waitFor();
  await show("waiting.localhost", { status: "provisioning", progress: 0.7 });
  await page.locator('progress[value="0.7"]').waitFor();
  await page.getByText("70 %", { exact: true }).last().waitFor();
  await show("waiting.localhost", { status: "active" });
  await page.getByText("hello").waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test("someone who waits without script sees the same, and the site when it is there", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await show("plain.localhost", { status: "provisioning", progress: 0.2 });
  await page.goto(`http://plain.localhost:${site.tested.port}/`);
  expect(await page.getByRole("progressbar", { name: "Progress" }).getAttribute("value")).toBe("0.2");
  await show("plain.localhost", { status: "active" });
  await page.getByText("hello").waitFor();
  await context.close();
});

test.each(["light", "dark"] as const)(
  "the pages have no barriers that axe knows of, %s",
  async (colorScheme) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 375, height: 640 } });
    const message = "WithoutABreak".repeat(30);
    for (const status of ["provisioning", "suspended", "maintenance", "deleted"]) {
      await show("barriers.localhost", {
        status,
        message,
        progress: 0.4,
        tenantName: "A name that is long ".repeat(6),
      });
      // A page of its own, since one that waits comes again by itself when the status changes.
      const page = await context.newPage();
      await page.goto(`http://barriers.localhost:${site.tested.port}/`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id }) => id)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(375);
      await page.close();
    }
    await context.close();
  },
);
