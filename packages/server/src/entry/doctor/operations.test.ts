import { expect, test } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { testRegistry } from "../../testing/registry.ts";
import { openWorkflowBench, threeSteps } from "../../testing/workflows.ts";
import { checkOperations } from "./operations.ts";

test("the doctor counts operations that need an operator, make no progress, or failed within a day", async () => {
  const registry = await testRegistry();
  const { db } = registry;
  const bench = await openWorkflowBench(registry);
  const { workflow } = threeSteps("test.amiss", () => Promise.reject(new Error("never")), { attempts: 1 });
  expect(await checkOperations(db)).toMatchObject([{ status: "ok" }]);
  const stuck = await bench.begin(workflow);
  await sql`
    update operations set created_at = now() - interval '2 hours', stuck_told_at = now() where id = ${stuck}
  `.execute(db);
  const undoing = threeSteps(
    "test.fails",
    (act) => (act === "two" ? Promise.reject(new Error("never")) : undefined),
    {
      attempts: 1,
    },
  );
  const stopping = threeSteps("test.stops", () => Promise.reject(new Error("never")), {
    attempts: 1,
    onFailure: "stop",
  });
  await bench.worker([undoing.workflow, stopping.workflow]);
  await bench.reaches(await bench.begin(undoing.workflow), "failed");
  await bench.reaches(await bench.begin(stopping.workflow, { internal: true }), "needs_operator");
  expect((await checkOperations(db)).map(({ status, detail }) => [status, detail])).toEqual([
    ["problem", "1 can't go on before an operator has looked at them."],
    ["problem", "1 made no progress for too long."],
    ["warning", "1 failed within the last day."],
  ]);
  await bench.close();
  await registry.close();
});
