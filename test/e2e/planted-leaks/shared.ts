import { type Ground, type Leak, type Plant, quoted } from "./plant.ts";

/** One statement in the database that tenants share, and another that takes it back. */
function inShared(text: string, back: string): Plant {
  return async ({ inDatabase, tenants }) => {
    const { database, role } = tenants.acme;
    const fill = (statement: string) => statement.replaceAll("ROLE", quoted(role!));
    await inDatabase(database, fill(text));
    return () => inDatabase(database, fill(back));
  };
}

type Policy = { name: string; using: string; check: string | null };

async function policyOf({ inDatabase, tenants }: Ground): Promise<Policy> {
  const [policy] = await inDatabase<Policy>(
    tenants.acme.database,
    `select policyname as name, qual as using, with_check as check from pg_policies
     where schemaname = 'public' and tablename = 'pages'`,
  );
  return policy!;
}

const policyDropped: Plant = async (ground) => {
  const { name, using, check } = await policyOf(ground);
  const { database } = ground.tenants.acme;
  await ground.inDatabase(database, `drop policy ${quoted(name)} on public.pages`);
  const withCheck = check === null ? "" : `with check (${check})`;
  return () =>
    ground.inDatabase(
      database,
      `create policy ${quoted(name)} on public.pages using (${using}) ${withCheck}`,
    );
};

const secretEmptied: Plant = async ({ inDatabase, tenants }) => {
  const { database } = tenants.acme;
  const [kept] = await inDatabase<{ row: object }>(
    database,
    "with gone as (delete from tenantry.secret returning *) select to_jsonb(gone) as row from gone",
  );
  return () =>
    inDatabase(
      database,
      "insert into tenantry.secret select * from jsonb_populate_record(null::tenantry.secret, $1::jsonb)",
      [JSON.stringify(kept!.row)],
    );
};

const functionReplaced: Plant = async ({ inDatabase, tenants }) => {
  const { database } = tenants.acme;
  const [kept] = await inDatabase<{ text: string }>(
    database,
    "select pg_get_functiondef('tenantry.enter(text)'::regprocedure) as text",
  );
  // It still does what it is for, but asks for no proof.
  await inDatabase(
    database,
    `create or replace function tenantry.enter(token text) returns void language plpgsql security definer
       set search_path = pg_catalog, pg_temp as $$
     begin perform set_config('backtrace_functions', substr(token, 2, 32), true); end $$`,
  );
  return () => inDatabase(database, kept!.text);
};

const memberOfSealsOwner: Plant = async ({ inDatabase, tenants }) => {
  const { database, role } = tenants.acme;
  const [seal] = await inDatabase<{ owner: string }>(
    database,
    "select relowner::regrole::text as owner from pg_class where oid = 'tenantry.secret'::regclass",
  );
  await inDatabase(database, `grant ${seal!.owner} to ${quoted(role!)}`);
  return () => inDatabase(database, `revoke ${seal!.owner} from ${quoted(role!)}`);
};

/** In the database that acme and globex share: what is named by the catalog, and what gets through besides. */
export const sharedLeaks: readonly Leak[] = [
  {
    what: "a policy was dropped",
    group: 1,
    plant: policyDropped,
    named: /pages lacks the policy of the seal/,
  },
  {
    what: "row-level security isn't forced on the owner any more",
    group: 1,
    plant: inShared(
      "alter table public.pages no force row level security",
      "alter table public.pages force row level security",
    ),
    named: /pages doesn't force row-level security/,
  },
  {
    what: "the seal's secret was emptied",
    group: 1,
    plant: secretEmptied,
    named: /The seal has no secret/,
  },
  {
    what: "a unique index spans all tenants",
    group: 1,
    plant: inShared(
      "create unique index across on public.pages (id, slug, title)",
      "drop index public.across",
    ),
    named: /unique index .*across spans environments/,
  },
  {
    what: "a policy lets everybody see everything",
    group: 2,
    plant: inShared(
      "create policy everybody on public.pages using (true)",
      "drop policy everybody on public.pages",
    ),
    named: /The policy everybody of .*pages lets rows through/,
    through: ["database.other-rows"],
  },
  {
    what: "a right was given",
    group: 2,
    plant: inShared("grant truncate on public.pages to ROLE", "revoke truncate on public.pages from ROLE"),
    named: /may TRUNCATE on the table/,
  },
  {
    what: "the application's role became a member of the seal's owner",
    group: 2,
    plant: memberOfSealsOwner,
    named: /seal's owner|can become/,
    through: ["database.secret"],
  },
  {
    what: "a view runs with its owner's rights",
    group: 2,
    plant: inShared(
      "create view public.everything as select * from public.pages",
      "drop view public.everything",
    ),
    named: /The view .*everything isn't security_invoker/,
    through: ["database.views"],
  },
  {
    what: "the seal asks for no proof",
    group: 3,
    plant: functionReplaced,
    named: /enter isn't the one that was installed/,
    through: ["database.forged-tokens"],
  },
  {
    what: "everybody may say whose rows they want",
    group: 3,
    plant: inShared(
      "grant set on parameter backtrace_functions to ROLE",
      "revoke set on parameter backtrace_functions from ROLE",
    ),
    named: /may set backtrace_functions/,
    through: ["database.forged-context"],
  },
  {
    what: "the secret can be read",
    group: 3,
    plant: inShared(
      "grant select on tenantry.secret to public",
      "revoke select on tenantry.secret from public",
    ),
    named: /PUBLIC may SELECT tenantry.secret/,
    through: ["database.secret"],
  },
  {
    what: "row-level security was switched off",
    group: 4,
    plant: inShared(
      "alter table public.pages disable row level security",
      "alter table public.pages enable row level security",
    ),
    named: /pages has no row-level security/,
    through: ["database.other-rows", "database.no-context"],
  },
  {
    what: "the application's role may pass row-level security",
    group: 4,
    plant: inShared("alter role ROLE bypassrls", "alter role ROLE nobypassrls"),
    named: /may pass row-level security|row-level security\./,
    through: ["database.other-rows", "database.policies-off"],
  },
];
