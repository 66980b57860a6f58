import { afterAll, beforeAll, expect, test } from "vitest";
import { schemaOf } from "../../drivers/database/driver.testsuite.ts";
import { sql } from "../../infra/db/index.ts";
import { newId } from "../../kernel/index.ts";
import { type TestPlacements, testPlacements } from "../../testing/placements.ts";
import { schemaText } from "../../testing/proofs/index.ts";
import { findingsOf } from "./schema-check.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

async function check(...files: string[]) {
  const { migrations } = schemaOf(newId(), ...files);
  const id = await house.start(house.placements.workflows.checkSchema, { migrations });
  const status = await house.ended(id);
  return { id, status, findings: await findingsOf(house.db, id) };
}

async function leavesNothing(operationId: string): Promise<void> {
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  const { rows } = await sql`
    select from resources where operation_id = ${operationId}
    union all select from operations where id = ${operationId} and input <> '{"migrations": []}'`.execute(
    house.db,
  );
  expect(rows).toEqual([]);
}

test("what a level can't hold is told by file and line, and nothing of the trial is left", async () => {
  const { id, status, findings } = await check(
    "create table a (id int primary key);",
    `-- totals\ncreate materialized view totals as select count(*) from a;

create schema shop;
create table b (a_id int
  references a on update set null);`,
  );
  expect(status).toBe("succeeded");
  const told = findings.map(({ level, severity, object, file, line }) => [
    level,
    severity,
    object,
    file,
    line,
  ]);
  expect(told.sort()).toEqual([
    ["schema", "refused", "schema shop", "0002.sql", 4],
    ["shared", "refused", 'constraint b_a_id_fkey of "b"', "0002.sql", 5],
    ["shared", "refused", 'materialized view "totals"', "0002.sql", 2],
    ["sqlite", "refused", "statement", "0002.sql", 2],
    ["sqlite", "refused", "statement", "0002.sql", 4],
  ]);
  expect(findings.every(({ problem, remedy }) => problem !== "" && remedy !== "")).toBe(true);
  await leavesNothing(id);
});

test("an application that works everywhere gets no finding", async () => {
  const { id, findings } = await check(
    "create table a (id uuid primary key, name text not null unique, at timestamptz not null default now());",
  );
  expect(findings).toEqual([]);
  await leavesNothing(id);
});

test("every finding about a schema that uses everything has its place", async () => {
  const { findings } = await check(await schemaText("rental"));
  expect(findings.length).toBeGreaterThan(3);
  expect(findings.filter(({ line }) => line === undefined)).toEqual([]);
});

test("migrations that fail fail the check, and leave nothing", async () => {
  const { id, status } = await check("create tabel a (id int);");
  expect(status).toBe("failed");
  const { rows } = await sql<{ code: string }>`
    select error->>'code' as code from operations where id = ${id}`.execute(house.db);
  expect(rows).toEqual([{ code: "migration_failed" }]);
  await leavesNothing(id);
});
