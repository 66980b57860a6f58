import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SchemaCheckReply } from "@tenantry/contract";
import { expect, it } from "vitest";
import { startFakeApi } from "../testing/fake-api.ts";
import { operation } from "../testing/operations.ts";
import { run } from "../testing/run.ts";

const found: SchemaCheckReply = { levels: [{ level: "schema", works: true }], findings: [] };

it("a check that takes long is followed to its end, and then told", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-check-"));
  await writeFile(path.join(directory, "001.sql"), "create table a (id int);");
  await using api = await startFakeApi(({ url, body }) => {
    if (url.endsWith("/events")) return { events: [operation({ id: "op_slow", status: "succeeded" })] };
    return (body as { check?: string }).check === undefined
      ? { status: 202, body: operation({ id: "op_slow" }) }
      : { body: found };
  });
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const { code, stdout } = await run(`tenantry schema check ${directory}`, environment);
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/schema +yes/) });
  const asked = api.asked.filter(({ url }) => url.endsWith("/v1/schema-checks")).map(({ body }) => body);
  const migrations = [{ name: "001.sql", sql: "create table a (id int);" }];
  expect(asked).toEqual([{ migrations }, { migrations, check: "op_slow" }]);
  await rm(directory, { recursive: true });
});

it("a level that has to work and doesn't ends the check with exit code 1, after what was found", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-check-"));
  await writeFile(path.join(directory, "001.sql"), "create table a (id int);");
  const levels = [...found.levels, { level: "shared" as const, works: false }];
  await using api = await startFakeApi(() => ({ body: { ...found, levels } }));
  const environment = { TENANTRY_URL: api.url, TENANTRY_API_KEY: "key" };
  const check = (more: string) => run(`tenantry schema check ${directory} ${more}`, environment);
  expect(await check("")).toMatchObject({ code: 0 });
  expect(await check("--level schema")).toMatchObject({ code: 0 });
  expect(await check("--level shared")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/shared +no/),
    stderr: expect.stringContaining("don't work at the level shared"),
  });
  await rm(directory, { recursive: true });
});
