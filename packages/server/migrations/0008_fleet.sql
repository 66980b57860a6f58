-- Work on the databases of all tenants of an application.

-- Why a database couldn't be brought to a schema version. The row goes as soon as it could.
create table migration_failures (
  database_id uuid primary key references databases on delete cascade,
  operation_id uuid not null,
  target_version int not null,
  attempts int not null,
  error jsonb not null,
  -- when the same operation tries again; null once it has given the database up
  retry_at timestamptz,
  failed_at timestamptz not null default clock_timestamp()
);
-- Who is behind, the oldest first, is one look into this.
create index databases_behind on databases (app_id, schema_version, id) where state = 'in_use';

-- The release that an environment keeps whose database couldn't follow the application to a newer one.
alter table environments add column held_release_id uuid references releases;
create index environments_held on environments (held_release_id) where held_release_id is not null;

-- How a database compared with the blueprint of its schema version when somebody looked last.
create table catalog_checks (
  database_id uuid primary key references databases on delete cascade,
  schema_version int not null,
  hash text not null,
  -- what differs; empty when nothing does
  differences jsonb not null,
  checked_at timestamptz not null default clock_timestamp()
);

-- Statements for single environments, kept as they were run.
create table scripts (
  id uuid primary key,
  app_id uuid not null references apps,
  name text not null,
  sql text not null,
  checksum text not null,
  created_at timestamptz not null default now(),
  unique (app_id, checksum)
);
create table script_runs (
  operation_id uuid not null,
  environment_id uuid not null references environments on delete cascade,
  script_id uuid not null references scripts,
  status text not null check (status in ('running', 'succeeded', 'failed')),
  -- of the transaction on the environment's server, so that whoever goes on can ask there what became of it
  transaction_id text,
  rows_changed bigint,
  error jsonb,
  requested_by text,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  primary key (operation_id, environment_id)
);
create index script_runs_environment on script_runs (environment_id, script_id);
