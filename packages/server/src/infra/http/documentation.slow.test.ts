import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { phone } from "../../../../../test/support/chromium.ts";
import { requireProgram } from "../../../../../test/support/programs.ts";
import { createTestApi } from "../../testing/api.ts";
import type { Api } from "./index.ts";

let api: Api;
beforeAll(async () => {
  api = await createTestApi({
    groups: [
      (at) => {
        at.post(
          "/v1/things",
          {
            config: { permission: "tenants:write" },
            schema: {
              operationId: "createThing",
              summary: "Create a thing",
              tags: ["things"],
              body: z.strictObject({ name: z.string().describe("What people call it.") }),
              response: { 201: z.object({ id: z.string() }) },
            },
          },
          async (_request, reply) => reply.code(201).send({ id: "1" }),
        );
      },
    ],
  });
  await api.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => api.close());

it("the documentation page shows every route in a real browser, and asks nobody else for anything", async () => {
  const { port } = api.server.address() as { port: number };
  const origin = `http://127.0.0.1:${port}`;
  const browser = await chromium.launch({
    executablePath: requireProgram("chromium"),
    args: ["--no-sandbox"],
  });
  try {
    // Axe wants a context of its own making.
    const page = await (await browser.newContext()).newPage();
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith("data:"))
        elsewhere.push(request.url());
    });
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));

    await page.goto(`${origin}/docs`);
    const operation = page.locator("#operations-things-createThing");
    await operation.waitFor();
    await operation.click();
    await page.getByText("Needs the permission").waitFor();
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.getByRole("button", { name: "Close" }).waitFor();

    await page.getByRole("button", { name: "Close" }).click();
    const { violations } = await new AxeBuilder({ page })
      .withRules(["color-contrast", "select-name"])
      .analyze();
    expect(violations.flatMap(({ nodes }) => nodes.map(({ html }) => html))).toEqual([]);
    await page.setViewportSize(phone);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(phone.width);
    expect(await operation.getByText("createThing").isVisible()).toBe(false);
    expect(await operation.getByText("Create a thing").isVisible()).toBe(true);

    expect(await page.title()).toBe("Tenantry API");
    expect(complaints).toEqual([]);
    expect(elsewhere).toEqual([]);
  } finally {
    await browser.close();
  }
});
