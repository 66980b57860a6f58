import { readFile } from "node:fs/promises";
import type { SealStrategy } from "../../drivers/database/common/seal/index.ts";
import { sealExpressions } from "../../drivers/database/common/seal/index.ts";
import { runAt } from "../../drivers/database/driver.testsuite.ts";

/** Turns the seal of a shared database into what an earlier version of Tenantry would have made. */
export async function makeEarlier(
  superuserUrl: string,
  strategy: SealStrategy,
  version: 2 | 3 | 4 | 5 | 7,
): Promise<void> {
  const context = strategy === "parameter" ? now : "tenantry.environment()";
  await runAt(
    superuserUrl,
    policies(context, version === 7 ? `(tenantry_environment, true) = (select ${context}, true)` : undefined),
    await readFile(fileOf(7, strategy), "utf8"),
    "drop function tenantry.policies_come_first()",
    "do $$ begin execute format('alter database %I reset cpu_operator_cost', current_database()); end $$",
  );
  if (version === 7) return;
  if (version === 5) {
    await runAt(superuserUrl, "comment on schema tenantry is 'Tenantry seal, version 5'");
    return;
  }
  await runAt(
    superuserUrl,
    // They belong to whom they belonged to.
    await readFile(fileOf(version, strategy), "utf8"),
    "drop function tenantry.enter_or_refuse(text) cascade",
    "drop domain tenantry.entry",
    "drop type tenantry.claim",
  );
  if (version === 4) {
    await runAt(superuserUrl, "comment on schema tenantry is 'Tenantry seal, version 4'");
    return;
  }
  await runAt(
    superuserUrl,
    "alter table tenantry.secret drop former_inner_pad, drop former_outer_pad, drop former_until",
    "comment on schema tenantry is null",
  );
  if (version === 2)
    await runAt(superuserUrl, secretOfVersion2, ...(strategy === "parameter" ? policiesOfVersion2 : []));
}

const fileOf = (version: number, strategy: SealStrategy): URL =>
  new URL(`./version-${version}.${strategy}.sql`, import.meta.url);

const secretOfVersion2 = `
  alter table tenantry.secret drop constraint secret_inner_pad_check;
  update tenantry.secret set inner_pad = substr(inner_pad, 1, 64);
  alter table tenantry.secret add constraint secret_inner_pad_check check (length(inner_pad) = 64)`;

const now = sealExpressions("parameter").contextExpression;
const then = "pg_catalog.translate(pg_catalog.current_setting('backtrace_functions'), '_', '-')::uuid";
if (now !== "pg_catalog.current_setting('backtrace_functions')::uuid") throw new Error(`It is ${now} now.`);

/** As they were until version 5, with what rows are compared with, or seen otherwise than written. */
const policies = (context: string, seen = `tenantry_environment = (select ${context})`): string => {
  const own = `tenantry_environment = (select ${context})`.replaceAll("'", "''");
  const using = seen.replaceAll("'", "''");
  return `do $$ declare each record; begin
     for each in select polrelid::regclass as name, polname from pg_policy where trim(polname::text) = 'tenantry' loop
       execute format('alter policy %I on %s using (${using}) with check (${own})', each.polname, each.name);
       if each.polname <> 'tenantry' then
         execute format('alter policy %I on %s rename to tenantry', each.polname, each.name);
       end if;
     end loop;
   end $$`;
};

const policiesOfVersion2 = [
  `do $$ begin
     execute replace(pg_get_functiondef('tenantry.next_number(text)'::regprocedure), '${now.replaceAll("'", "''")}',
       '${then.replaceAll("'", "''")}');
   end $$`,
  policies(then),
  `do $$ declare each record; begin
     for each in select polrelid::regclass as name, polname from pg_policy where trim(polname::text) = 'tenantry' loop
       if each.name <> 'tenantry.reference'::regclass then
         execute format('alter table %s alter tenantry_environment set default ${then.replaceAll("'", "''")}', each.name);
       end if;
     end loop;
   end $$`,
  `do $$ declare each record; begin
     for each in select role, environment from tenantry.login loop
       execute format('alter role %I in database %I set backtrace_functions = %L', each.role, current_database(),
         translate(each.environment::text, '-', '_'));
     end loop;
   end $$`,
];
