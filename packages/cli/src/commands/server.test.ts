import { expect, it } from "vitest";
import { startFakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/run.ts";

const address = "postgres://tenantry:secret@db2.internal/postgres";

it.each([
  [`server add second --url ${address}`, "POST"],
  [`server update second --url ${address}`, "PATCH"],
])("a --url that is a PostgreSQL's is the server's, not the installation's: %s", async (line, method) => {
  await using api = await startFakeApi(() => ({ body: { name: "second", databases: 0, capacity: 1 } }));
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  expect(await run(`tenantry ${line} --json`, environment)).toMatchObject({ code: 0, stderr: "" });
  expect(api.asked).toMatchObject([{ method, body: { url: address } }]);
});
