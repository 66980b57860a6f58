import type { TenantReply } from "@tenantry/contract";
import type { Command } from "commander";
import { fetchPages } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import { type Look, toneOf } from "../../output/look.ts";
import { visibleLine } from "../../output/text.ts";

/** A tenant with those that stand below it. */
export type TenantTree = Pick<TenantReply, "id" | "slug" | "name" | "status"> & { children: TenantTree[] };

export function treeCommand(): Command {
  const command = defineCommand("tree", {
    summary: "show which tenant belongs to which",
    examples: ["tenant tree", "tenant tree acme"],
    calls: ["listTenants", "showTenant"],
  });
  return overApi(command.argument("[tenant]", "it and those below it alone; its slug or id")).action(
    async (tenant: string | undefined, _options: object, self: Command) => {
      const { client, output } = await contextOf(self);
      const top =
        tenant === undefined
          ? undefined
          : (await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`)).body;
      const { items } = await fetchPages<TenantReply>(client, "/v1/tenants", { all: true });
      output.result(treesOf(items, top), showTrees);
    },
  );
}

/** The trees that tenants make up, each level by slug; only the one below `top` when that is given. */
export function treesOf(tenants: readonly TenantReply[], top?: TenantReply): TenantTree[] {
  const known = new Set(tenants.map(({ id }) => id));
  // One whose parent isn't among them stands at the top, too: it may have been made in this moment.
  const parentOf = ({ parentId }: TenantReply) => (parentId !== null && known.has(parentId) ? parentId : "");
  const byParent = Map.groupBy(tenants, parentOf);
  // The pages aren't of one moment: what is moved meanwhile may look like a circle.
  const below = (id: string, above: readonly string[]): TenantTree[] =>
    (byParent.get(id) ?? [])
      .filter((one) => !above.includes(one.id))
      .sort((one, other) => (one.slug < other.slug ? -1 : 1))
      .map((one) => grow(one, above));
  const grow = ({ id, slug, name, status }: TenantReply, above: readonly string[]): TenantTree => ({
    ...{ id, slug, name, status },
    children: below(id, [...above, id]),
  });
  return top ? [grow(top, [])] : below("", []);
}

function showTrees(trees: readonly TenantTree[], look: Look): string {
  if (trees.length === 0) return "There are no tenants.";
  return trees.flatMap((tree) => linesOf(tree, look, "", "")).join("\n");
}

function linesOf(
  { slug, name, status, children }: TenantTree,
  look: Look,
  first: string,
  rest: string,
): string[] {
  const shownStatus = status === "active" ? "" : `  ${look.paint(toneOf(status), status)}`;
  const own = `${first}${slug}  ${look.paint("dim", visibleLine(name))}${shownStatus}`;
  const below = children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return linesOf(child, look, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
  });
  return [own, ...below];
}
