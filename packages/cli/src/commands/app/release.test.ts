import { expect, it } from "vitest";
import { startFakeApi } from "../../testing/fake-api.ts";
import { operation } from "../../testing/operations.ts";
import { run } from "../../testing/run.ts";

async function release(heldBack: number) {
  const counts = { environments: 3, current: 3 - heldBack, behind: heldBack, failed: heldBack, heldBack };
  await using api = await startFakeApi(({ url }) => {
    if (url.endsWith("/events")) return { events: [operation({ id: "op_1", status: "succeeded" })] };
    if (url.includes("/migrations"))
      return { body: { schemaVersion: 2, counts, items: [], nextCursor: null } };
    return { status: 202, body: operation({ id: "op_1" }) };
  });
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  return await run("tenantry app release notes --upstream http://127.0.0.1:3000 --wait", environment);
}

it("a release says how many couldn't follow it, and where to look; of none it says nothing", async () => {
  const [whole, some] = [await release(0), await release(1)];
  for (const { code, stdout } of [whole, some])
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("notes was released."),
    });
  const told = "1 environment couldn't follow and keeps an older release";
  expect(some.stdout + some.stderr).toContain(told);
  expect(some.stdout + some.stderr).toContain("tenantry migrate --status --failed --app notes");
  expect(whole.stdout + whole.stderr).not.toContain("older release");
});
