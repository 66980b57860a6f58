import type pg from "pg";
import { breach, type Probe, type ProbeAnswer, refused } from "../../probe.ts";
import { apart, bothShared, type DatabaseGround, entered } from "./ground.ts";
import { refusalOf } from "./refusal.ts";

const sealRemedy =
  "Run `tenantry isolation verify` again after mending what the probe database.catalog names: row-level security on " +
  "and forced, and the seal's policy on every table and partition.";

/** In a database that many share: other environments' rows. */
export const sharedRowProbes: readonly Probe<DatabaseGround>[] = [
  {
    id: "database.other-rows",
    path: "database",
    title: "see another environment's row in any table, by the hidden column",
    remedy: sealRemedy,
    applies: bothShared,
    run: (ground) =>
      entered(ground, async (client) => {
        const tables = await selectTables(client);
        for (const table of tables) {
          const found = await apart(client, () =>
            client.query(`select from ${table} where tenantry_environment <> $1 limit 1`, [
              ground.from.environmentId,
            ]),
          ).catch(ignoreRefusal);
          if (found?.rowCount) return breach(`Other environments' rows of ${table} show.`);
        }
        return refused(`none of ${tables.length} tables shows another's row`);
      }),
  },
  {
    id: "database.views",
    path: "database",
    title: "see more rows through a view than in tables",
    remedy: "ALTER VIEW … SET (security_invoker = true).",
    applies: bothShared,
    run: (ground) => entered(ground, (client) => askViews(client)),
  },
  {
    id: "database.change-rows",
    path: "database",
    title: "delete the neighbour's rows, and insert one in its name",
    remedy: sealRemedy,
    applies: (ground) => ground.mayWrite && bothShared(ground),
    run: (ground) => entered(ground, (client) => changeRows(client, ground.to.environmentId)),
  },
];

/** Tables and partitions with environments' rows. */
export async function selectTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where a.attname = 'tenantry_environment' and not a.attisdropped and c.relkind in ('r', 'p')
       and n.nspname <> 'tenantry' order by c.oid`,
  );
  return rows.map(({ name }) => name);
}

/** A view that runs with its owner's rights needs no context: the owner's rows are everybody's. */
async function askViews(client: pg.Client): Promise<ProbeAnswer> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'v' and n.nspname not in ('pg_catalog', 'information_schema', 'tenantry')
       and not coalesce((select bool_or(option_value::boolean) from pg_options_to_table(c.reloptions)
         where option_name = 'security_invoker'), false)`,
  );
  if (rows.length > 0) return breach(`The view ${rows[0]!.name} runs with its owner's rights.`);
  return refused("every view runs with the rights of whoever asks");
}

async function changeRows(client: pg.Client, neighbour: string): Promise<ProbeAnswer> {
  const tables = await selectTables(client);
  for (const table of tables) {
    const deleted = await apart(client, () =>
      client.query(`delete from ${table} where tenantry_environment = $1`, [neighbour]),
    ).catch(ignoreRefusal);
    if (deleted?.rowCount) return breach(`The neighbour's rows of ${table} can be deleted.`);
    const inserted = await apart(client, () =>
      client.query(`insert into ${table} (tenantry_environment) values ($1)`, [neighbour]),
    ).then(
      () => true,
      (error: unknown) => passedThePolicy(error),
    );
    if (inserted) return breach(`A row can be put into ${table} in the neighbour's name.`);
  }
  return refused(`${tables.length} tables tried`);
}

export function ignoreRefusal(error: unknown): undefined {
  if (!refusalOf(error)) throw error;
}

/** The policy is asked before a column's constraints: a row that only these stopped would have passed. */
function passedThePolicy(error: unknown): boolean {
  const refusal = refusalOf(error);
  if (!refusal) throw error;
  return refusal.code === "23502" && refusal.column !== undefined && refusal.dataType === undefined;
}
