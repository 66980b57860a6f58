import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  desk,
  expectAccessible,
  expectAccessibleAt,
  launchChromium,
  openPage,
  phone,
} from "../../../test/support/chromium.ts";
import { accents } from "../src/layout/accent.ts";
import { visitor } from "./browser-like.ts";
import { type Front, openFront } from "./front.ts";
import { type RunningSite, runningSite } from "./running-site.ts";
import { jpeg, pdf, png } from "./sample-files.ts";

let site: RunningSite;
let front: Front;
let browser: Browser;
let count = 0;

beforeAll(async () => {
  site = await runningSite();
  front = await openFront(site);
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  await front.stop();
  await site.stop();
});

/** A tenant with a site of its own, and a browser in front of it. */
async function newSite(
  options: { javaScriptEnabled?: boolean; settings?: Record<string, unknown>; language?: string } = {},
) {
  count += 1;
  const { javaScriptEnabled = true, settings = {}, language = "en" } = options;
  const tenant = await site.addTenant(`look-${count}`, { tenantName: "Acme Ltd", settings, language });
  const context = await browser.newContext({ javaScriptEnabled });
  const { page, complaints } = await openPage(context);
  const base = `http://look-${count}.localhost:${front.port}`;
  const go = (path: string) => page.goto(base + path);
  return { tenant, context, page, complaints, base, go };
}

async function logIn(page: Page, base: string, email = "anna@acme.example"): Promise<void> {
  await page.goto(`${base}/admin`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/admin/pages");
}

const longText = `Words and **words**, [a link](/about).

## A heading

- item
- item

> A quotation

| Product | Price |
|---|---:|
| ${"Anvil ".repeat(12)} | 249 |

\`\`\`
${"code ".repeat(40)}
\`\`\`
`;

describe("without script", () => {
  test("a person writes, previews, publishes, orders, unpublishes and deletes a page", async () => {
    const { page, complaints, base, go } = await newSite({ javaScriptEnabled: false });
    await go("/");
    await page.getByRole("link", { name: "Log in and write the first page" }).click();
    await page.getByLabel("E-mail address").fill("anna@acme.example");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("link", { name: "Write the home page" }).click();
    await page.getByLabel("Title").fill("We make things");
    await page.getByLabel("Text").fill("Made with **care**.");
    await page.getByRole("button", { name: "Preview" }).click();
    expect(await page.getByRole("region", { name: "Preview" }).innerHTML()).toContain(
      "<strong>care</strong>",
    );
    await page.getByRole("button", { name: "Save and publish" }).click();
    expect(await page.getByRole("status").textContent()).toContain("Published");
    await page.getByRole("link", { name: "View the page" }).click();
    expect(page.url()).toBe(`${base}/`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("We make things");

    await go("/admin/pages/new");
    await page.getByLabel("Title").fill("Contact");
    await page.getByRole("button", { name: "Save and publish" }).click();
    await page.getByRole("link", { name: "All pages" }).click();
    await page.getByRole("button", { name: "Move “Contact” up" }).click();
    await go("/");
    expect(await page.getByRole("navigation").getByRole("link").allTextContents()).toEqual([
      "Contact",
      "We make things",
    ]);

    await go("/admin/pages");
    await page.getByRole("link", { name: "Contact" }).click();
    await page.getByRole("button", { name: "Save and unpublish" }).click();
    expect(await page.getByRole("status").textContent()).toContain("Unpublished");
    await page.getByRole("link", { name: "Delete this page…" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    expect(await page.getByRole("status").textContent()).toContain("Page deleted");
    expect(complaints).toEqual([]);
  });

  test("a person uploads files, and deletes one", async () => {
    const { page, base, go } = await newSite({ javaScriptEnabled: false });
    await logIn(page, base);
    await go("/admin/media");
    await page.getByLabel("Upload files").setInputFiles([
      { name: "shop.png", mimeType: "text/html", buffer: png },
      { name: "price list.pdf", mimeType: "application/pdf", buffer: pdf },
    ]);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    expect(await page.getByRole("status").textContent()).toContain("Uploaded");
    expect(await page.getByLabel("Markdown for shop.png").inputValue()).toMatch(/^!\[shop\]\(\/media\//);
    await page.getByRole("link", { name: "Delete shop.png" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    expect(await page.getByRole("status").textContent()).toContain("File deleted");
    expect(await page.getByText("shop.png").count()).toBe(0);
  });
});

describe("with script", () => {
  test("the preview follows the text, and a picture is put in with one click", async () => {
    const { tenant, page, complaints, base, go } = await newSite();
    await logIn(page, base);
    await go("/admin/media");
    await page
      .getByLabel("Upload files")
      .setInputFiles([{ name: "shop.png", mimeType: "image/png", buffer: png }]);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await page.waitForURL("**done=uploaded");
    await go("/admin/pages/new");
    await page.getByLabel("Title").fill("Shop");
    await page.getByLabel("Text").fill("*One* ");
    await page.getByRole("button", { name: "Preview" }).click();
    const preview = page.getByRole("region", { name: "Preview" });
    await preview.getByText("One").waitFor();
    await page.getByRole("button", { name: "Insert" }).click();
    const picture = preview.getByRole("img", { name: "shop" });
    await picture.waitFor();
    await expect
      .poll(() => picture.evaluate((image) => (image as { naturalWidth?: number }).naturalWidth))
      .toBe(1);
    await page.getByRole("button", { name: "Save draft" }).click();
    await page.waitForURL("**done=created");
    const draft = await visitor(site, tenant).get("/shop");
    expect(draft.status).toBe(404);
    expect(complaints).toEqual([]);
  });

  test("whoever would lose what they wrote is asked first", async () => {
    const { page, complaints, base, go } = await newSite();
    await logIn(page, base);
    await go("/admin/pages/new");
    await page.getByLabel("Title").pressSequentially("Unsaved");
    await page.getByRole("link", { name: "All pages" }).click();
    await expect.poll(() => complaints).toEqual(["dialog: "]);
    expect(page.url()).toContain("/admin/pages/new");
  });

  test("pictures are shown, SVG among them, and a file that is too large is refused before it is sent", async () => {
    const { page, complaints, base, go } = await newSite({ settings: { "app.maxUploadSize": "1KB" } });
    await logIn(page, base);
    await go("/admin/media");
    const files = page.getByLabel("Upload files");
    await files.setInputFiles([{ name: "large.png", mimeType: "image/png", buffer: Buffer.alloc(1_001) }]);
    expect(await files.evaluate((input) => (input as { validationMessage?: string }).validationMessage)).toBe(
      "Too large: “large.png”. Choose smaller files.",
    );
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><style>rect{fill:red}</style><rect width="7" height="7"/></svg>';
    await files.setInputFiles([
      { name: "shop.png", mimeType: "image/png", buffer: png },
      { name: "logo.svg", mimeType: "image/svg+xml", buffer: Buffer.from(svg) },
    ]);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await page.waitForURL("**done=uploaded");
    const widths = () =>
      page
        .locator("img")
        .evaluateAll((all) => all.map((each) => (each as { naturalWidth?: number }).naturalWidth).sort());
    await expect.poll(widths).toEqual([1, 7]);
    await page.locator("a.thumb[href$=png]").click();
    await page.waitForURL("**/shop.png");
    expect(
      await page.locator("img").evaluate((image) => (image as { naturalWidth?: number }).naturalWidth),
    ).toBe(1);
    expect(complaints).toEqual([]);
  });

  test("a button that is clicked twice saves once", async () => {
    const { tenant, page, base, go } = await newSite();
    await logIn(page, base);
    await go("/admin/pages/new");
    await page.getByLabel("Title").fill("Once");
    await page.getByRole("button", { name: "Save draft" }).dblclick();
    await page.waitForURL("**done=created");
    const { rows } = await site.tenantry.run(tenant.id, () =>
      site.tenantry.db.query("select slug from pages"),
    );
    expect(rows).toEqual([{ slug: "once" }]);
  });

  test("nothing that was written or uploaded runs in a visitor's or an editor's browser", async () => {
    const { tenant, page, complaints, base, go } = await newSite();
    const anna = visitor(site, tenant);
    await anna.login("anna@acme.example");
    const attack = `"><img src=x onerror=alert(1)><script>alert(2)</script>[x](javascript:alert(3))`;
    const title = `<script>alert(4)</script>"onmouseover="alert(5)`;
    const created = await anna.post("/admin/pages", {
      title,
      slug: "home",
      description: attack,
      body: attack,
      intent: "publish",
    });
    await anna.upload([
      { name: "<img src=x onerror=alert(6)>.html", content: "<script>alert(7)</script>" },
      {
        name: "logo.svg",
        content: '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(8)"><script>alert(9)</script></svg>',
      },
    ]);
    await logIn(page, base);
    for (const path of ["/", "/admin/pages", created.headers.location!, "/admin/media"]) await go(path);
    for (const file of ["html", "svg"]) {
      const download = page.waitForEvent("download");
      await page.locator(`a.thumb[href$=${file}]`).click();
      expect((await download).suggestedFilename()).toContain(file);
    }
    expect(complaints).toEqual([]);
  });
});

describe("everybody can use it", () => {
  test("what visitors read", async () => {
    const { tenant, page, complaints, go } = await newSite();
    const anna = visitor(site, tenant);
    await anna.login("anna@acme.example");
    await go("/");
    await expectAccessible(page, "the welcome page");
    const text = { description: "What this page is about.", body: longText, intent: "publish" };
    for (const title of [
      "Home",
      "About us",
      "Products",
      "News",
      "Contact",
      "Opening hours",
      "Imprint",
      "Team",
    ]) {
      await anna.post("/admin/pages", { ...text, title });
    }
    await go("/");
    await expectAccessible(page, "a page");
    await page.getByText("More").click();
    await expectAccessible(page, "a page with the rest of the navigation");
    await go("/nothing");
    await expectAccessible(page, "the 404 page");
    expect(complaints).toEqual([]);
  });

  test("in every colour, and from right to left", async () => {
    const { tenant, page, go } = await newSite({ language: "ar" });
    for (const accent of accents) {
      site.installation.change(tenant.id, { settings: { "app.accent": accent } });
      await expect
        .poll(async () => {
          await go("/");
          return page.locator("html").getAttribute("data-accent");
        })
        .toBe(accent);
      await expectAccessibleAt(page, `the welcome page in ${accent}`, desk, "light");
      await expectAccessibleAt(page, `the welcome page in ${accent}`, phone, "dark");
    }
  }, 300_000);

  test("what editors work with", async () => {
    const { tenant, context, page, base, go } = await newSite();
    await go("/admin");
    await expectAccessible(page, "the log-in");
    await page.getByLabel("E-mail address").fill("anna@acme.example");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await expectAccessible(page, "a log-in that was refused");
    await logIn(page, base);
    await expectAccessible(page, "the empty list of pages");
    await go("/admin/pages/new");
    await page.getByLabel("Address").fill("No good!");
    await page.getByRole("button", { name: "Save draft" }).click();
    await expectAccessible(page, "a form with mistakes");
    await page.getByLabel("Title").fill("A title");
    await page.getByLabel("Address").fill("");
    await page.getByLabel("Text").fill(longText);
    await page.getByRole("button", { name: "Preview" }).click();
    await expectAccessible(page, "a form with its preview");
    await page.getByRole("button", { name: "Save draft" }).click();
    await expectAccessible(page, "a page that was saved");

    const edit = page.url().split("?")[0]!;
    const ben = visitor(site, tenant);
    await ben.login("ben@acme.example");
    await ben.post(new URL(edit).pathname, {
      title: "Ben's",
      slug: "a-title",
      body: "Ben's text",
      version: "1",
    });
    await page.getByRole("button", { name: "Save draft" }).click();
    await expectAccessible(page, "two who changed the same page");
    // The form in the first page still holds what isn't saved.
    const { page: other } = await openPage(context);
    await other.goto(`${edit}/delete`);
    await expectAccessible(other, "the question before deleting");
    await other.goto(`${base}/admin/pages`);
    await expectAccessible(other, "the list of pages");
    await other.goto(`${base}/admin/media`);
    await expectAccessible(other, "the empty media library");
    await other.getByLabel("Upload files").setInputFiles([
      { name: "shop.png", mimeType: "image/png", buffer: png },
      { name: "shop.jpg", mimeType: "image/jpeg", buffer: jpeg },
      { name: "price list.pdf", mimeType: "application/pdf", buffer: pdf },
      { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) },
    ]);
    await other.getByRole("button", { name: "Upload", exact: true }).click();
    await expectAccessible(other, "the media library after an upload of which not everything went well");
    await other.goto(`${base}/admin/nothing`);
    await expectAccessible(other, "what isn't there");
  }, 300_000);
});
