import type { ClientBase } from "pg";
import type { FileReport, TableLock } from "../driver.ts";
import type { MigrationFile } from "./migration-file.ts";
import { ledgerSchema } from "./names.ts";

/** Looks at what a file does, on its connection and, where it has one, at the end of its transaction. */
export type FileObserver = {
  before(client: ClientBase, file: MigrationFile): Promise<void>;
  after(client: ClientBase, file: MigrationFile): Promise<void>;
};

type Table = { oid: number; name: string; file: number };

export function observeFiles(tell: (report: FileReport) => void): FileObserver {
  let tables = new Map<number, Table>();
  let since = 0;
  return {
    async before(client) {
      tables = new Map((await selectTables(client)).map((table) => [table.oid, table]));
      since = performance.now();
    },
    async after(client, { migration, transactional }) {
      const tookMs = Math.round(performance.now() - since);
      const locks = transactional ? await locksOn(client, tables) : [];
      tell({ name: migration.name, transactional, tookMs, locks });
    },
  };
}

async function selectTables(client: ClientBase): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select c.oid::int8::float8 as oid, n.nspname || '.' || c.relname as name, c.relfilenode::int8::float8 as file
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', $1)`,
    [ledgerSchema],
  );
  return rows;
}

/** Which of the tables that there were are locked at the end of a file, and how. Rows' locks block no table. */
async function locksOn(client: ClientBase, before: ReadonlyMap<number, Table>): Promise<TableLock[]> {
  const { rows: held } = await client.query<{ oid: number; blocks: TableLock["blocks"] }>(
    `select l.relation::int8::float8 as oid,
       case when bool_or(l.mode = 'AccessExclusiveLock') then 'reads and writes' else 'writes' end as blocks
     from pg_catalog.pg_locks l
     where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted
       and l.mode in ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
     group by l.relation`,
  );
  const files = new Map((await selectTables(client)).map((table) => [table.oid, table.file]));
  return held
    .flatMap(({ oid, blocks }) => {
      const table = before.get(oid);
      if (!table) return [];
      return [{ table: table.name, blocks, rewritten: files.has(oid) && files.get(oid) !== table.file }];
    })
    .sort((a, b) => (a.table < b.table ? -1 : 1));
}
