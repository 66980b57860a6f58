import { afterEach, expect, test } from "vitest";
import { createRenderer, type Renderer } from "./renderer.ts";

let renderer: Renderer;
afterEach(() => renderer.close());

/** Texts that take minutes, or more stack than there is. */
const intricate = { slow: `${"a".repeat(190_000)}@`, deep: "> ".repeat(20_000) };

test("texts are formatted, many at once, each its own", async () => {
  renderer = createRenderer();
  const texts = Array.from({ length: 50 }, (_, index) =>
    renderer.render(`tenant ${index % 3}`, `*${index}*`),
  );
  expect(await Promise.all(texts)).toEqual(
    Array.from({ length: 50 }, (_, index) => `<p><em>${index}</em></p>\n`),
  );
});

test("a text that is too intricate is given up, and everybody else's is formatted meanwhile and afterwards", async () => {
  renderer = createRenderer();
  const order: string[] = [];
  const bad = Array.from({ length: 3 }, (_, index) =>
    renderer.render("bad", intricate.slow).finally(() => order.push(`bad ${index}`)),
  );
  const good = renderer.render("good", "*fine*").finally(() => order.push("good"));
  expect(await good).toBe("<p><em>fine</em></p>\n");
  expect(await Promise.all(bad)).toEqual([undefined, undefined, undefined]);
  expect(order).toEqual(["good", "bad 0", "bad 1", "bad 2"]);
  expect(await renderer.render("bad", "*better*")).toBe("<p><em>better</em></p>\n");
});

test("tenants that ask for much take turns with one that asks for little", async () => {
  renderer = createRenderer();
  const order: string[] = [];
  const ask = (tenant: string) => renderer.render(tenant, tenant).then(() => order.push(tenant));
  const much = Array.from({ length: 40 }, () => ["one", "two"]).flat();
  await Promise.all([...much, "late"].map(ask));
  // The third to be begun, beside others that may be faster.
  expect(order.indexOf("late")).toBeLessThan(40);
});

test("a text that breaks the formatter is given up, and nobody else's", async () => {
  renderer = createRenderer();
  const [bad, good] = await Promise.all([
    renderer.render("bad", intricate.deep),
    renderer.render("good", "*fine*"),
  ]);
  expect([bad, good]).toEqual([undefined, "<p><em>fine</em></p>\n"]);
  expect(await renderer.render("bad", "*better*")).toBe("<p><em>better</em></p>\n");
});
