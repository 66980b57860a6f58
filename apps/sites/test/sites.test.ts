import type { Child } from "@tenantry/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { visitor } from "./browser-like.ts";
import { type RunningSite, runningSite } from "./running-site.ts";

let site: RunningSite;
let count = 0;

beforeAll(async () => {
  site = await runningSite();
});
afterAll(() => site.stop());

const child = (slug: string, change: Partial<Child> = {}): Child => ({
  ...{ slug, name: `The ${slug} site`, status: "active", plan: null },
  url: `http://${slug}.localhost:8585/`,
  ...change,
});

/** A site above others, in front of which somebody stands. */
async function siteAbove(children: readonly Child[], email = "anna@example.com") {
  count += 1;
  const tenant = await site.addTenant(`above-${count}`, { hasChildren: children.length > 0 });
  site.installation.children.set(tenant.id, children);
  const person = visitor(site, tenant);
  await person.login(email);
  return person;
}

const tab = 'href="/admin/sites"';

test("an admin finds the sites below with their addresses, and sees which of them can't be visited", async () => {
  const anna = await siteAbove([
    child("open", { plan: "gold", name: "Open <b>& Co" }),
    child("paused", { status: "suspended" }),
    child("young", { status: "provisioning", url: null }),
  ]);
  expect((await anna.get("/admin/pages")).text).toContain(tab);
  const { status, text } = await anna.get("/admin/sites");
  expect(status).toBe(200);
  expect(text).toContain('<a href="http://open.localhost:8585/">Open &lt;b&gt;&amp; Co</a>');
  expect(text).toContain("Plan: gold");
  expect(text).toMatch(/The paused site<\/h2>.*paused\.localhost:8585.*Suspended/s);
  expect(text).toMatch(/The young site<\/h2>.*No address yet.*Being set up/s);
});

test("viewers and editors see none of them, nor does an admin where there are none, nor whoever isn't logged in", async () => {
  for (const person of [
    await siteAbove([child("secret")], "viewer@example.com"),
    await siteAbove([child("secret")], "editor@example.com"),
    await siteAbove([]),
  ]) {
    expect((await person.get("/admin/pages")).text).not.toContain(tab);
    const { status, text } = await person.get("/admin/sites");
    expect([status, text.includes("secret")]).toEqual([404, false]);
  }
  const stranger = await siteAbove([child("secret")]);
  stranger.cookie = "";
  const answer = await stranger.get("/admin/sites");
  expect([answer.status, answer.headers.location]).toEqual([303, "/admin/login?next=%2Fadmin%2Fsites"]);
});

test("many come in parts, and a place in the list that was cut off leads to its start", async () => {
  const anna = await siteAbove(Array.from({ length: 51 }, (_, index) => child(`site-${100 + index}`)));
  const first = await anna.get("/admin/sites");
  const shown = (text: string) => text.match(/site-\d+ site/g) ?? [];
  expect(shown(first.text)).toHaveLength(50);
  const more = /href="(\/admin\/sites\?after=[^"]+)"/.exec(first.text)![1]!;
  const second = await anna.get(more);
  expect(shown(second.text)).toEqual(["site-150 site"]);
  expect(second.text).toContain("From the start");
  const cut = await anna.get("/admin/sites?after=x");
  expect([cut.status, cut.headers.location]).toEqual([303, "/admin/sites"]);
});
