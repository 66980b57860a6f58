import type { RuntimeSnapshot } from "@tenantry/contract";
import { expect, test } from "vitest";
import { exampleEnvironment } from "../testing/registry.ts";
import { catchUp } from "./state.ts";

const [acme, other] = [exampleEnvironment("acme"), exampleEnvironment("other")];

function page(parts: Partial<RuntimeSnapshot>): RuntimeSnapshot {
  return {
    cursor: "1",
    hasMore: false,
    full: false,
    environments: [],
    removed: [],
    keys: { keys: [] },
    audience: "app",
    issuer: "issuer",
    budgets: [],
    jobKey: "",
    ...parts,
  };
}

/** Answers with one page after another; a page that is an error is thrown. */
function pages(...answers: (RuntimeSnapshot | Error)[]) {
  return async () => {
    const answer = answers.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const slugs = (state: { environments: ReadonlyMap<string, { tenantSlug: string }> }) =>
  [...state.environments.values()].map(({ tenantSlug }) => tenantSlug);

test("a full answer replaces everything at once, when it is complete", async () => {
  const old = await catchUp(undefined, pages(page({ full: true, environments: [acme] })));
  const broken = catchUp(
    old,
    pages(page({ full: true, hasMore: true, cursor: "1.x", environments: [other] }), new Error("cut")),
  );
  await expect(broken).rejects.toThrow("cut");
  expect(slugs(old)).toEqual(["acme"]);
  const next = await catchUp(
    old,
    pages(page({ full: true, hasMore: true, cursor: "1.x", environments: [other] }), page({ cursor: "2" })),
  );
  expect(slugs(next)).toEqual(["other"]);
  expect(slugs(old)).toEqual(["acme"]);
});

test("news of one environment costs the same however many there are", async () => {
  const environments = Array.from({ length: 50_000 }, (_, index) => ({ ...acme, id: `env_${index}` }));
  let state = await catchUp(undefined, pages(page({ full: true, environments })));
  const startedAt = performance.now();
  for (let change = 0; change < 200; change += 1) {
    state = await catchUp(
      state,
      pages(page({ cursor: `${change + 2}`, environments: [{ ...acme, id: "env_7" }] })),
    );
  }
  expect((performance.now() - startedAt) / 200).toBeLessThan(2);
  expect(state.environments.size).toBe(50_000);
});

test("an answer that says there is more and doesn't move is refused, instead of asked for ever", async () => {
  const state = await catchUp(undefined, pages(page({ full: true })));
  await expect(catchUp(state, pages(page({ hasMore: true })))).rejects.toThrow("doesn't move on");
});
