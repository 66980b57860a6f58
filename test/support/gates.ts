import pg from "pg";
import { eventually } from "./eventually.ts";
import type { Point, Trigger } from "./hold.ts";
import type { Installation } from "./installation.ts";

export type Gates = {
  /** Kills everything with SIGKILL while the operation stands before each gate in turn, and starts it again every time. */
  killAtEach(operationId: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type Gate = {
  where: string;
  point: Point;
  /** Only keeps the operation from going on to the next gate before that is closed: nobody is killed here. */
  isStop?: true;
};

/**
 * Puts gates where an operation will come along, in this order; each is closed before the one before it is opened.
 * Unlike a hold they outlive the server: whoever takes the operation up after a restart stands before the same gate
 * again. Those before a catalogue don't: one of the other kind has to stand before each, and after it.
 */
export async function putGates(installation: Installation, gates: readonly Gate[]): Promise<Gates> {
  await takeAway(installation);
  await installation.sql("create table tenantry.gates_for_test (number int primary key)");
  await installation.sql(gateFunction);
  for (const [number, { point }] of gates.entries()) {
    if ("before" in point) await installation.sql(triggerSql(point, number));
  }
  const close = (number: number) =>
    installation.sql("insert into tenantry.gates_for_test values ($1) on conflict do nothing", [number]);
  await close(0);
  const open = (number: number) =>
    installation.sql("delete from tenantry.gates_for_test where number = $1", [number]);
  const reached = (number: number, operationId: string) =>
    eventually(`somebody stands before the gate: ${gates[number]!.where}`, async () => {
      const { point } = gates[number]!;
      const [row] =
        "before" in point
          ? await installation.sql<{ here: boolean }>(standsBefore, [number])
          : await installation.sql<{ here: boolean }>(waitsFor, [
              point.catalog,
              `tenantry/${operationId.replace("op_", "")}/%`,
            ]);
      return row!.here;
    });

  async function killAtEach(operationId: string): Promise<void> {
    for (const [number, { point, isStop }] of gates.entries()) {
      const lock = "catalog" in point ? await lockCatalog(installation, point.catalog) : undefined;
      if (!lock) await close(number);
      if (number > 0) await open(number - 1);
      await reached(number, operationId);
      if (isStop) continue;
      // Whoever goes on after the restart finds no lock here.
      if (lock) await close(number + 1);
      await installation.kill();
      await installation.start();
      if (lock) await lock.end().catch(() => undefined);
      else await reached(number, operationId);
    }
    await open(gates.length - 1);
  }
  return {
    killAtEach,
    // In a test that broke off the server may be away; the next to put gates takes these away.
    [Symbol.asyncDispose]: () => takeAway(installation).catch(() => undefined),
  };
}

async function takeAway(installation: Installation): Promise<void> {
  await installation.sql("drop function if exists tenantry.gate_for_test cascade");
  await installation.sql("drop table if exists tenantry.gates_for_test");
}

const lockClass = 9_002;

const gateFunction = `
  create function tenantry.gate_for_test() returns trigger language plpgsql as $$
  begin
    perform pg_advisory_xact_lock_shared(${lockClass}, tg_argv[0]::int);
    while exists (select from tenantry.gates_for_test where number = tg_argv[0]::int) loop
      perform pg_sleep(0.01);
    end loop;
    return coalesce(new, old);
  end $$`;

function triggerSql({ before, on, when }: Trigger, number: number): string {
  return `
    create trigger gate_for_test_${number} before ${before} on tenantry.${on} for each row
    ${when ? `when (${when})` : ""} execute function tenantry.gate_for_test(${number})`;
}

const standsBefore = `
  select exists (
    select from pg_locks where locktype = 'advisory' and classid = ${lockClass} and objid = $1 and objsubid = 2
  ) as here`;

const waitsFor = `
  select exists (
    select from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.relation = $1::regclass and not l.granted and a.application_name like $2
  ) as here`;

async function lockCatalog(installation: Installation, catalog: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: installation.registryUrl, application_name: "gate" });
  // The server is killed while we hold it.
  client.on("error", () => undefined);
  await client.connect();
  await client.query(`begin; lock table pg_catalog.${catalog} in share mode`);
  return client;
}
