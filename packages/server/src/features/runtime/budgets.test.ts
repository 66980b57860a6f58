import { expect, it } from "vitest";
import { createBudgets } from "./budgets.ts";

it("renews a process's share every five seconds however often it asks, and never takes it for another's", async () => {
  let now = 0;
  const leased: string[] = [];
  const budgets = createBudgets(
    async (appId, holder) => {
      leased.push(`${appId} ${holder}`);
      return [{ serverId: "srv_1", backends: leased.length }];
    },
    () => now,
  );
  for (now of [1_000, 2_000, 5_900])
    expect(await budgets("a", "p")).toEqual([{ serverId: "srv_1", backends: 1 }]);
  expect(await budgets("b", "p")).toEqual([{ serverId: "srv_1", backends: 2 }]);
  expect(await budgets("a", undefined)).toEqual([{ serverId: "srv_1", backends: 3 }]);
  now = 6_100;
  expect(await budgets("a", "p")).toEqual([{ serverId: "srv_1", backends: 4 }]);
  expect(leased).toEqual(["a a/p", "b b/p", "a a/any", "a a/p"]);
});
