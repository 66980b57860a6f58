import type { OperationReply } from "@tenantry/contract";
import pg from "pg";
import { expect } from "vitest";
import { eventually } from "./eventually.ts";
import type { Trigger } from "./hold.ts";
import type { Installation } from "./installation.ts";

/** A point that an operation comes to within a step, in words and for the database. */
export type Place = { step: string; when: string; point: Trigger };

/** The title of a test that holds one operation at each of these, and what it needs. */
export function titled<One extends Place>(places: readonly One[]): [title: string, places: readonly One[]] {
  return [places.map(({ step, when }) => `in the step ${step}, ${when}`).join("; "), places];
}

/**
 * Begins one operation for each place, one after the other, each held there; kills the whole installation with SIGKILL
 * while all of them stand where they are, starts it again, and answers how each ended, in the order of the places. One
 * that is held keeps its locks: a place where others would wait for it comes last.
 */
export async function killInsideEach<One extends Place>(
  installation: Installation,
  places: readonly One[],
  begin: (place: One) => Promise<string>,
): Promise<{ place: One; ended: OperationReply }[]> {
  await using holds = await putHolds(installation, places);
  const begun: { place: One; operationId: string }[] = [];
  for (const [number, place] of places.entries()) {
    await holds.close(number);
    const operationId = await begin(place);
    begun.push({ place, operationId });
    await eventually(
      () => `operation ${operationId} waits in ${place.step}, ${place.when}`,
      async () =>
        (await holds.isWaitedAt(number)) && (await isRunning(installation, operationId, place.step)),
    );
    await holds.open(number);
  }
  for (const { operationId, place } of begun)
    expect(await isRunning(installation, operationId, place.step), place.when).toBe(true);
  await installation.kill();
  await installation.start();
  await holds[Symbol.asyncDispose]();
  return Promise.all(
    begun.map(async ({ place, operationId }) => ({
      place,
      ended: await installation.api.ended(operationId),
    })),
  );
}

async function isRunning(installation: Installation, operationId: string, step: string): Promise<boolean> {
  const { body } = await installation.api.call<OperationReply>("GET", `/v1/operations/${operationId}`);
  return body.steps.some(({ name, status }) => name === step && status === "running");
}

/**
 * A trigger at each point, which holds whoever comes along while it is closed; those who stand there stay when it is
 * opened, until our session ends, and all go on after a restart of the server.
 */
async function putHolds(installation: Installation, places: readonly Place[]) {
  const client = new pg.Client({ connectionString: installation.registryUrl, application_name: "holds" });
  // The server is killed while we hold.
  client.on("error", () => undefined);
  await client.connect();
  await client.query(removal);
  await client.query(functionSql);
  for (const [number, { point }] of places.entries()) {
    await client.query("select pg_advisory_lock($1, $2)", [lockClass, number]);
    await client.query(triggerSql(point, number));
  }
  return {
    close: (number: number) => client.query("insert into tenantry.closed_for_test values ($1)", [number]),
    open: (number: number) =>
      client.query("delete from tenantry.closed_for_test where number = $1", [number]),
    isWaitedAt: async (number: number) => (await client.query(isWaitedAt, [number])).rows[0].here as boolean,
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => undefined);
      // In a test that broke off the server may be away; the next to put holds takes these away.
      await installation.sql(removal).catch(() => undefined);
    },
  };
}

const lockClass = 9_003;

const removal =
  "drop function if exists tenantry.hold_each_for_test cascade; drop table if exists tenantry.closed_for_test";

const functionSql = `
  create table tenantry.closed_for_test (number int primary key);
  create function tenantry.hold_each_for_test() returns trigger language plpgsql as $$
  begin
    if exists (select from tenantry.closed_for_test where number = tg_argv[0]::int) then
      perform pg_advisory_xact_lock_shared(${lockClass}, tg_argv[0]::int);
    end if;
    return coalesce(new, old);
  end $$`;

function triggerSql({ before, on, when }: Trigger, number: number): string {
  return `
    create trigger hold_each_for_test_${number} before ${before} on tenantry.${on} for each row
    ${when ? `when (${when})` : ""} execute function tenantry.hold_each_for_test(${number})`;
}

const isWaitedAt = `
  select exists (
    select from pg_locks where locktype = 'advisory' and classid = ${lockClass} and objid = $1 and objsubid = 2
      and not granted
  ) as here`;
