import type { TenantReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { treesOf } from "./tree.ts";

const tenant = (slug: string, parent?: string) =>
  ({
    id: `tnt_${slug}`,
    slug,
    name: slug,
    status: "active",
    parentId: parent ? `tnt_${parent}` : null,
  }) as TenantReply;

const all = [
  tenant("b"),
  tenant("leaf", "child"),
  tenant("child", "a"),
  tenant("a"),
  tenant("lost", "elsewhere"),
];

const shape = (trees: ReturnType<typeof treesOf>): object =>
  Object.fromEntries(trees.map(({ slug, children }) => [slug, shape(children)]));

it("puts each tenant below its parent, and at the top where that isn't among them", () => {
  expect(shape(treesOf(all))).toEqual({ a: { child: { leaf: {} } }, b: {}, lost: {} });
});

it("shows one tenant with those below it alone", () => {
  expect(shape(treesOf(all, all[2]))).toEqual({ child: { leaf: {} } });
});
