import pg from "pg";
import type { Session } from "../session.ts";
import { firstPolicy, type SealExpressions, trustedParameter } from "./strategy.ts";

const id = pg.escapeIdentifier;

type SealedTable = { name: string; policy: string; restrictive: boolean };

/** Tables whose policy is the seal's as it stands, by what the seal keeps as its pattern. */
export async function selectSealedTables(inside: Session): Promise<SealedTable[]> {
  return inside.read<SealedTable>(
    `select p.polrelid::regclass::text as name, p.polname::text as policy, not p.polpermissive as restrictive
     from pg_policy p cross join pg_policy r
     where r.polrelid = 'tenantry.reference'::regclass and p.polrelid <> r.polrelid
       and pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(r.polqual, r.polrelid)
     order by p.polrelid`,
  );
}

/** Others' transactions in this database, by numbers that PostgreSQL gives each once, to whoever asks. Logins' aren't waited for. */
export async function selectTransactions(inside: Session): Promise<string[]> {
  const rows = await inside.read<{ number: string }>(
    `select l.virtualtransaction as number from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'virtualxid' and a.datname = current_database() and l.pid <> pg_backend_pid()
       and a.usename !~ '^tnl_'`,
  );
  return rows.map(({ number }) => number);
}

/** The pattern, as PostgreSQL prints it. */
export async function selectPattern(inside: Session): Promise<string> {
  const [row] = await inside.read<{ pattern: string }>(
    `select pg_get_expr(polqual, polrelid) as pattern from pg_policy where polrelid = 'tenantry.reference'::regclass`,
  );
  return row!.pattern;
}

export async function alterPolicies(
  inside: Session,
  tables: readonly SealedTable[],
  { rowCondition, policyExpression, contextExpression }: SealExpressions,
): Promise<void> {
  const own = `tenantry_environment = ${policyExpression}`;
  for (const { name, policy, restrictive } of tables) {
    const first = restrictive && policy !== firstPolicy;
    await inside.change(`
      alter policy ${id(policy)} on ${name} using (${rowCondition}) with check (${own});
      ${first ? `alter policy ${id(policy)} on ${name} rename to ${id(firstPolicy)};` : ""}
      alter table ${name} alter column tenantry_environment set default ${contextExpression}`);
  }
}

/** Logins whose sessions begin with another context than is theirs now. */
export async function selectOutdatedLogins(
  inside: Session,
): Promise<{ name: string; environmentId: string }[]> {
  return inside.read<{ name: string; environmentId: string }>(
    `select l.role::text as name, l.environment::text as "environmentId"
     from tenantry.login l join pg_roles r on r.rolname = l.role join pg_db_role_setting s on s.setrole = r.oid
       join pg_database d on d.oid = s.setdatabase and d.datname = current_database()
     where exists (select from unnest(s.setconfig) c where starts_with(c, '${trustedParameter}='))
       and not '${trustedParameter}=' || replace(l.environment::text, '-', '') = any (s.setconfig)`,
  );
}
