import pg from "pg";

/** What the peers work on: the same rows, with the tenant as a column that they name, or a policy on a plain setting. */
export async function makePeers(superuserUrl: string, tenants: readonly string[]): Promise<string> {
  const superuser = new pg.Client({ connectionString: superuserUrl });
  await superuser.connect();
  await superuser.query(`
    create role peer login password 'peer';
    do $$ begin execute format('grant connect on database %I to peer', current_database()); end $$;
    create schema peer;
    create table peer.plain (tenant uuid not null, id int not null, title text, primary key (tenant, id));
    create table peer.secured (like peer.plain including all);
    alter table peer.secured enable row level security;
    create policy own on peer.secured using (tenant = current_setting('app.tenant')::uuid);
    grant usage on schema peer to peer;
    grant select on all tables in schema peer to peer;
    grant execute on function set_config to peer`);
  for (const tenant of tenants) {
    for (const table of ["plain", "secured"]) {
      await superuser.query(
        `insert into peer.${table} select $1, n, 'note ' || n from generate_series(1, 1000) n`,
        [tenant],
      );
    }
  }
  for (const [index] of tenants.entries()) {
    await superuser.query(`
      create role own_${index} login password 'own';
      alter role own_${index} set search_path = own_${index};
      do $$ begin execute format('grant connect on database %I to own_${index}', current_database()); end $$;
      create schema own_${index} authorization own_${index};
      create table own_${index}.notes (id int primary key, title text);
      alter table own_${index}.notes owner to own_${index};
      insert into own_${index}.notes select n, 'note ' || n from generate_series(1, 1000) n`);
  }
  await superuser.query("vacuum analyze");
  await superuser.end();
  return superuserUrl.replace(/\/\/[^@]*@/, "//peer:peer@");
}

/** As guides to row-level security have it: four round trips, and any statement can say that it is somebody else's. */
export async function usualRecipe(client: pg.Client, tenant: string): Promise<void> {
  await client.query("begin");
  await client.query("select set_config('app.tenant', $1, true)", [tenant]);
  await client.query("select title from peer.secured where id = $1", [5]);
  await client.query("commit");
}
