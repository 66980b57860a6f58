import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  desk,
  expectAccessible,
  expectAccessibleAt,
  launchChromium,
  openPage,
  phone,
} from "../support/chromium.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { password } from "../support/site-user.ts";

let installation: Installation;
let browser: Browser;
let count = 0;

beforeAll(async () => {
  installation = await startInstallation();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await installation?.[Symbol.asyncDispose]();
});

/** A tenant of its own, and its admin in front of the list of users. */
async function newSite(options: { javaScriptEnabled?: boolean; users?: readonly object[] } = {}) {
  const { javaScriptEnabled = true, users = [] } = options;
  count += 1;
  const slug = `acme-${count}`;
  const admin = { email: "anna@example.com", password };
  await installation.api.createTenant(slug, { name: "Acme Ltd", admin });
  for (const user of users) await installation.api.call("POST", `/v1/tenants/${slug}/users`, user);
  const context = await browser.newContext({ javaScriptEnabled });
  const { page, complaints } = await openPage(context);
  const base = `http://${slug}.localhost:${installation.gatewayPort}`;
  const go = (path: string) => page.goto(base + path);
  await logIn(page, base, "anna@example.com");
  await page.getByRole("link", { name: "Users" }).click();
  return { slug, context, page, complaints, base, go };
}

async function logIn(page: Page, base: string, email: string, secret = password): Promise<void> {
  await page.goto(`${base}/admin`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/admin/pages");
}

const focused = (page: Page) =>
  page.evaluate("document.activeElement.id || document.activeElement.className");

describe("a tenant's admin in a browser [IAM-2]", () => {
  test("creates, changes, deactivates, activates and deletes a user without script", async () => {
    const { page, complaints } = await newSite({ javaScriptEnabled: false });
    const said = () => page.getByRole("status").textContent();
    await page.getByRole("link", { name: "New user" }).click();
    await page.getByLabel("Name").fill("Ben Baker");
    await page.getByLabel("E-mail address").fill("ben@example.com");
    await page.getByRole("radio", { name: "Viewer" }).check();
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Create user" }).click();
    expect(await said()).toContain("User created");

    await page.getByRole("link", { name: "Ben Baker" }).click();
    expect(await page.getByRole("radio", { name: "Viewer" }).isChecked()).toBe(true);
    await page.getByLabel("Name").fill("Benjamin Baker");
    await page.getByRole("radio", { name: "Editor" }).check();
    await page.getByRole("button", { name: "Save changes" }).click();
    expect(await said()).toContain("Saved");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toContain("Benjamin Baker");
    expect(await page.getByRole("radio", { name: "Editor" }).isChecked()).toBe(true);

    await page.getByRole("button", { name: "Deactivate" }).click();
    expect(await said()).toContain("Deactivated");
    await page.getByRole("button", { name: "Activate" }).click();
    expect(await said()).toContain("Activated");
    await page.getByLabel("New password").fill("a brand new password");
    await page.getByRole("button", { name: "Set the password" }).click();
    expect(await said()).toContain("New password set");
    await page.getByRole("button", { name: "Log out everywhere" }).click();
    expect(await said()).toContain("Logged out everywhere");
    await page.getByRole("link", { name: "Delete this user…" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    expect(await said()).toContain("User deleted");
    expect(await page.getByRole("main").getByRole("listitem").count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test("gets by with the keyboard, is told every mistake first, and led to its field", async () => {
    const { page } = await newSite();
    await page.getByRole("link", { name: "New user" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/users/new");
    await page.getByLabel("Name").focus();
    for (const text of ["Ben Baker", "ben@nowhere"]) {
      await page.keyboard.type(text);
      await page.keyboard.press("Tab");
    }
    expect(await focused(page)).toBe("role-editor");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Tab");
    await page.keyboard.type("short");
    await page.keyboard.press("Enter");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await focused(page)).toContain("notice");
    expect(await alert.getByRole("link").allTextContents()).toEqual([
      "This isn’t an e-mail address. It should look like anna@example.com.",
      "The password has 5 characters, and needs at least 10.",
    ]);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect.poll(() => focused(page)).toBe("email");
    const email = page.getByLabel("E-mail address");
    expect(await email.getAttribute("aria-invalid")).toBe("true");
    expect(await email.getAttribute("aria-describedby")).toBe("email-hint email-mistake");
    expect(await page.getByLabel("Name").inputValue()).toBe("Ben Baker");
    expect(await page.getByRole("radio", { name: "Admin" }).isChecked()).toBe(true);
    expect(await page.getByLabel("Password", { exact: true }).inputValue()).toBe("");
  });

  test("can look at the password while typing it", async () => {
    const { page, go } = await newSite();
    await go("/admin/users/new");
    const field = page.getByLabel("Password", { exact: true });
    await field.fill("shown");
    expect(await field.getAttribute("type")).toBe("password");
    await page.getByRole("button", { name: "Show the password" }).click();
    expect(await field.getAttribute("type")).toBe("text");
    await page.getByRole("button", { name: "Hide the password" }).click();
    expect(await field.getAttribute("type")).toBe("password");
    expect(await field.inputValue()).toBe("shown");
  });

  test("sees names that are meant to do harm as names", async () => {
    const name = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;
    const { page, complaints, go } = await newSite({ users: [{ email: "eve@example.com", name }] });
    await page.getByRole("link", { name }).click();
    await page.getByLabel("Name").waitFor();
    expect(await page.getByLabel("Name").inputValue()).toBe(name);
    await page.getByRole("link", { name: "Delete this user…" }).click();
    await page.getByRole("heading", { name: `Delete ${name}?` }).waitFor();
    await go(`/admin/users?search=${encodeURIComponent(name)}`);
    expect(await page.getByLabel("Part of a name").inputValue()).toBe(name);
    await go("/admin/users?search=%00%3Cscript%3Ealert(3)%3C/script%3E");
    expect(await page.getByRole("status").textContent()).toContain("<script>alert(3)</script>");
    expect(complaints).toEqual([]);
  });
});

describe("one's own password in a browser [IAM-3]", () => {
  test("is changed, and one stays logged in", async () => {
    const { page, base, complaints } = await newSite({
      users: [{ email: "vera@example.com", password, role: "viewer" }],
    });
    await page.getByRole("button", { name: "Log out" }).click();
    await logIn(page, base, "vera@example.com");
    await page.getByRole("link", { name: "Your account" }).click();
    await page.getByLabel("Present password").fill("a wrong password");
    await page.getByLabel("New password").fill("a brand new password");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("alert").getByRole("link", { name: "This isn’t your present password." }).click();
    await page.keyboard.type(password);
    await page.getByLabel("New password").fill("a brand new password");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.waitForURL("**done=password-changed");
    expect(await page.getByRole("status").textContent()).toContain("Password changed");
    await page.getByRole("button", { name: "Log out" }).click();
    await logIn(page, base, "vera@example.com", "a brand new password");
    expect(complaints).toEqual([]);
  });
});

describe("an address that must be confirmed, in a browser [REG-7]", () => {
  async function newUnproven(javaScriptEnabled: boolean) {
    const site = await newSite({ javaScriptEnabled });
    const { page, go } = site;
    await go("/admin/users/new");
    await page.getByLabel("E-mail address").fill("ben@example.com");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByLabel("They must confirm the address first").check();
    await page.getByRole("button", { name: "Create user" }).click();
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.getByLabel("Link for them").inputValue();
    return { ...site, link };
  }

  async function tryToLogIn(page: Page, base: string): Promise<void> {
    await page.goto(`${base}/admin/login`);
    await page.getByLabel("E-mail address").fill("ben@example.com");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
  }

  test("is without script, by a link from an admin, and the keyboard alone", async () => {
    const { page, context, base, link, complaints } = await newUnproven(false);
    expect(await page.getByText("Not confirmed", { exact: true }).count()).toBe(1);
    await context.clearCookies();
    await tryToLogIn(page, base);
    expect(await page.getByRole("alert").textContent()).toContain("Confirm your e-mail address first");
    await page.goto(link);
    await page.getByRole("button", { name: "Confirm my address" }).press("Enter");
    await page.waitForURL("**/admin/login?done=email-verified");
    expect(await page.getByRole("status").textContent()).toContain("Your e-mail address is confirmed");
    await logIn(page, base, "ben@example.com");
    expect(complaints).toEqual([]);
  });

  test("is on pages that are fit for everybody, on a phone and a desk", async () => {
    const { page, context, base, link, complaints } = await newUnproven(true);
    const isFit = async (what: string) => {
      await expectAccessibleAt(page, what, phone, "light");
      await expectAccessibleAt(page, what, desk, "dark");
    };
    await isFit("a link for a user");
    await context.clearCookies();
    await tryToLogIn(page, base);
    await page.getByRole("alert").waitFor();
    await isFit("who has to confirm their address");
    await page.goto(link);
    await isFit("a link that is good");
    await page.goto(link.slice(0, -1));
    await isFit("a link that is cut off");
    await page.goto(`${link.slice(0, -1)}${link.endsWith("x") ? "y" : "x"}`);
    await page.getByRole("button", { name: "Confirm my address" }).click();
    await page.getByRole("heading", { name: "isn’t good any more" }).waitFor();
    await isFit("a link that isn't good");
    expect(complaints).toEqual([]);
  }, 120_000);

  test("is given as a link that can be copied", async () => {
    const { page, context, slug, base, go } = await newSite({
      users: [{ email: "ben@example.com", emailVerified: false }],
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
    await go("/admin/users");
    await page.getByRole("link", { name: "ben@example.com" }).click();
    await page.getByRole("button", { name: "Make a link" }).click();
    await page.getByRole("button", { name: "Copy the link" }).click();
    await expect
      .poll(() => page.evaluate("navigator.clipboard.readText()"))
      .toMatch(new RegExp(`^${base}/verify-email\\?token=[\\w-]{43}$`));
    expect(base).toContain(slug);
  });
});

describe("everybody can use the pages about users", () => {
  test("in light and dark, on a phone and a desk, with nothing that axe complains of", async () => {
    const long = `vera.${"with-a-long-address.".repeat(5)}x@subsidiary.example.com`;
    const users = [
      { email: "ben@example.com", name: "Ben Baker", password, role: "editor" },
      { email: long, name: "Vera von und zu Langenfeld-Hohenstein", role: "viewer" },
      { email: "zoe@example.com", role: "admin" },
    ];
    const { page, base, go, context } = await newSite({ users });
    await expectAccessible(page, "the list of users");
    await go("/admin/users?search=nobody");
    await expectAccessible(page, "a search that finds nobody");
    await go("/admin/users/new");
    await page.getByRole("button", { name: "Create user" }).click();
    await expectAccessible(page, "a new user with mistakes");
    await go("/admin/users");
    await page.getByRole("link", { name: "Vera" }).click();
    await expectAccessible(page, "a user");
    await page.getByRole("button", { name: "Deactivate" }).click();
    await page.waitForURL("**done=user-deactivated");
    await expectAccessible(page, "a user who was deactivated");
    await page.getByRole("link", { name: "Delete this user…" }).click();
    await page.getByRole("button", { name: "Delete" }).waitFor();
    await expectAccessible(page, "the question before deleting");
    await go("/admin/users");
    await page.getByRole("main").getByRole("link", { name: "anna@example.com" }).click();
    await expectAccessible(page, "oneself");
    await go("/admin/account");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("alert").waitFor();
    await expectAccessible(page, "one's own account with mistakes");
    await go("/admin/users/new");
    await page.getByLabel("E-mail address").fill("fifth@example.com");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Create user" }).click();
    await page.waitForURL("**done=user-created");
    await expectAccessible(page, "the list when all places are taken");
    await context.clearCookies();
    await logIn(page, base, "ben@example.com");
    await go("/admin/users");
    await expectAccessible(page, "what an editor is told");
  }, 300_000);
});

describe("the sites below a site [REG-6]", () => {
  test("an admin sees and visits those that let it, without script, on the phone and the desk", async () => {
    const editor = { email: "ed@example.com", password, role: "editor" };
    const { slug, context, page, complaints, base, go } = await newSite({
      javaScriptEnabled: false,
      users: [editor],
    });
    const tab = page.getByRole("link", { name: "Sites", exact: true });
    await go("/admin/pages");
    expect(await tab.count()).toBe(0);
    const child = `${slug}-labs`;
    await installation.api.createTenant(child, { name: "Acme Labs & Sons", parentId: slug, plan: "gold" });
    await installation.api.createTenant(`${slug}-secret`, { name: "Acme Secret", parentId: slug });
    await go("/admin/sites");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("There is nothing here");
    const granted = await installation.command(["tenant", "update", child, "--visible-to-parent"]);
    expect(granted).toMatchObject({ code: 0 });
    await expect
      .poll(async () => {
        await go("/admin/pages");
        return tab.count();
      })
      .toBe(1);
    await tab.click();
    const list = page.getByRole("main").getByRole("listitem");
    expect(await list.allInnerTexts()).toEqual([expect.stringContaining("Acme Labs & Sons")]);
    expect(await list.first().textContent()).toContain("Plan: gold");
    const scripted = await browser.newContext({ storageState: await context.storageState() });
    const { page: examined } = await openPage(scripted);
    await examined.goto(`${base}/admin/sites`);
    await expectAccessibleAt(examined, "the sites below", phone, "light");
    await expectAccessibleAt(examined, "the sites below", desk, "dark");
    await scripted.close();
    await page.getByRole("link", { name: "Acme Labs & Sons" }).click();
    expect(new URL(page.url()).hostname).toBe(`${child}.localhost`);
    // Sight is all: nobody is logged in there.
    await page.goto(`${new URL(page.url()).origin}/admin/pages`);
    expect(new URL(page.url()).pathname).toBe("/admin/login");

    await context.clearCookies();
    await logIn(page, base, editor.email);
    expect(await tab.count()).toBe(0);
    await go("/admin/sites");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("There is nothing here");
    expect(complaints).toEqual([]);
  });
});
