import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { requireProgram } from "./programs.ts";

export const phone = { width: 390, height: 844 };
export const desk = { width: 1280, height: 800 };

/** `home`: where it finds the settings of its user, such as the authorities that he imported. */
export async function launchChromium({ home }: { home?: string } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: requireProgram("chromium"),
    args: ["--no-sandbox"],
    ...(home !== undefined && { env: { ...process.env, HOME: home } }),
  });
}

/** A page that remembers everything it complained of: errors of scripts, what the policy blocked, dialogs. */
export async function openPage(context: BrowserContext): Promise<{ page: Page; complaints: string[] }> {
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A refusal's status is no mistake of the page.
    const isStatus = /the server responded with a status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !isStatus) complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch((error: Error) => complaints.push(error.message));
  });
  return { page, complaints };
}

/** No violation that axe knows of, and nothing wider than the screen: on a phone and a desk, in light and dark. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  // Colours hang on the one, places and sizes on the other.
  await expectAccessibleAt(page, what, desk, "light");
  await expectAccessibleAt(page, what, phone, "dark");
}

export async function expectAccessibleAt(
  page: Page,
  what: string,
  viewport: typeof phone,
  colorScheme: "light" | "dark",
): Promise<void> {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  const where = `${what} (${colorScheme}, ${viewport.width} px)`;
  const width = await page.evaluate("document.documentElement.scrollWidth");
  expect(width, `${where} is as wide as the screen`).toBeLessThanOrEqual(viewport.width);
  // All at once, in the page: half the time. The other mode is for frames of other origins, of which we have none.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  expect(found, where).toEqual([]);
}
