import { expect, it } from "vitest";
import { parentsFirst } from "./order.ts";

const slugs = (tenants: { slug: string; parent?: string | null }[]) =>
  parentsFirst(tenants).map(({ slug }) => slug);

it("parents come before their children, and everybody else stays in line", () => {
  const tenants = [
    { slug: "leaf", parent: "child" },
    { slug: "alone", parent: null },
    { slug: "child", parent: "top" },
    { slug: "top" },
    { slug: "other", parent: "not-in-the-file" },
  ];
  expect(slugs(tenants)).toEqual(["top", "child", "leaf", "alone", "other"]);
});

it("whoever stands in a circle, or below one, is left out", () => {
  const tenants = [
    { slug: "a", parent: "b" },
    { slug: "b", parent: "a" },
    { slug: "self", parent: "self" },
    { slug: "below", parent: "a" },
    { slug: "good" },
  ];
  expect(slugs(tenants)).toEqual(["good"]);
});
