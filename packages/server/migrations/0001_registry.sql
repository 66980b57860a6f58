-- The registry: where every tenant lives, and what is being done about it.
-- All of it stands in the schema `tenantry`; the migrator creates that schema and sets the search path.

-- ---------------------------------------------------------------- the installation, its streams and events

create table installation (
  singleton boolean primary key default true check (singleton),
  id uuid not null,
  root_domain text not null,
  -- counted here so that the limit of tenants is exact and costs the same at any size
  tenant_count int not null default 0,
  created_at timestamptz not null default now()
);

-- One row per stream. It is updated last in a transaction, and so stays locked until commit: versions become
-- visible in the order they were given out. A sequence would let a reader see 2 and never learn of 1.
create table stream_versions (
  stream text primary key,
  version bigint not null default 0
);
insert into stream_versions (stream) values ('routes'), ('runtime'), ('events');

-- What was deleted from a stream, so that followers can forget it too.
create table stream_tombstones (
  stream text not null,
  version bigint not null,
  key text not null,
  created_at timestamptz not null default now(),
  primary key (stream, version, key)
);

-- The outbox. Ordered by (version, ordinal); consumers deduplicate by id.
create table events (
  id uuid primary key,
  version bigint not null,
  ordinal int not null,
  type text not null,
  tenant_id uuid,
  environment_id uuid,
  data jsonb not null default '{}',
  occurred_at timestamptz not null default now()
);
create unique index events_order on events (version, ordinal);

create table event_cursors (
  subscriber text primary key,
  version bigint not null,
  updated_at timestamptz not null default now()
);

create table nodes (
  id uuid primary key,
  role text not null,
  host text not null,
  process_id int not null,
  version text not null,
  schema_version int not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);

-- ---------------------------------------------------------------- applications

create table apps (
  id uuid primary key,
  slug text not null unique,
  run_as_uid int not null unique,
  current_release_id uuid,
  -- the release that is being made ready; nodes start it beside the current one
  next_release_id uuid,
  schema_version int not null default 0,
  created_at timestamptz not null default now()
);

create table releases (
  id uuid primary key,
  app_id uuid not null references apps,
  number int not null,
  upstream_url text,
  command text,
  working_directory text,
  variables jsonb not null default '{}',
  health_path text not null default '/',
  schema_version int not null,
  created_at timestamptz not null default now(),
  unique (app_id, number),
  check ((upstream_url is null) <> (command is null))
);
alter table apps add foreign key (current_release_id) references releases deferrable initially deferred;
alter table apps add foreign key (next_release_id) references releases deferrable initially deferred;

-- The application's own migrations, kept as text so that any node can apply them.
create table app_migrations (
  app_id uuid not null references apps,
  ordinal int not null,
  name text not null,
  sql text not null,
  checksum text not null,
  created_at timestamptz not null default now(),
  primary key (app_id, ordinal),
  unique (app_id, name)
);

-- Where a release of an app answers. Followed by gateways with the stream `routes`.
create table upstreams (
  id uuid primary key,
  app_id uuid not null references apps,
  release_id uuid not null references releases,
  urls text[] not null default '{}',
  version bigint not null
);
create index upstreams_version on upstreams (version);

-- A running process of a shared app on one node.
create table instances (
  id uuid primary key,
  app_id uuid not null references apps,
  release_id uuid not null references releases,
  node_id uuid not null references nodes on delete cascade,
  url text,
  process_id int,
  state text not null check (state in ('starting', 'healthy', 'backing_off', 'stopped')),
  restarts int not null default 0,
  last_error text,
  updated_at timestamptz not null default now()
);

-- ---------------------------------------------------------------- tenants

create table tenants (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9](-?[a-z0-9])+$' and length(slug) between 3 and 50),
  -- the id a foreign system knows it by; the slug was derived from it then
  client_id text unique,
  name text not null,
  status text not null check (status in ('requested', 'provisioning', 'active', 'suspended', 'deleting',
    'purging', 'deleted', 'failed')),
  status_reason text,
  status_before text,
  app_id uuid not null references apps,
  plan text,
  region text,
  groups text[] not null default '{}',
  parent_id uuid references tenants,
  timezone text not null default 'UTC',
  language text not null default 'en',
  logo_url text,
  delete_at timestamptz,
  revision bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index tenants_parent on tenants (parent_id) where parent_id is not null;
create index tenants_status on tenants (status);
create index tenants_app on tenants (app_id);

create table environments (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  name text not null check (name in ('production', 'staging', 'development', 'sandbox')),
  status text not null check (status in ('provisioning', 'ready', 'maintenance', 'failed', 'removing', 'removed')),
  -- what an application's runtime follows (placements, status, settings); stamped from the stream `runtime`
  version bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create index environments_version on environments (version, id);

-- The denormalised row a gateway reads: always a row, never computed.
create table routes (
  hostname text primary key,
  kind text not null check (kind in ('system', 'alias', 'custom')),
  environment_id uuid not null,
  environment_name text not null,
  tenant_id uuid not null,
  tenant_slug text not null,
  tenant_name text not null,
  app_id uuid not null,
  upstream_id uuid,
  status text not null check (status in ('provisioning', 'active', 'suspended', 'maintenance', 'failed', 'deleted')),
  status_reason text,
  progress real,
  redirect_to text,
  expires_at timestamptz,
  version bigint not null
);
create index routes_version on routes (version, hostname);
create index routes_environment on routes (environment_id);
create index routes_tenant on routes (tenant_id);

create table settings (
  scope text not null check (scope in ('platform', 'plan', 'tenant', 'environment')),
  scope_id text not null default '',
  key text not null,
  value jsonb not null,
  locked boolean not null default false,
  updated_by text,
  updated_at timestamptz not null default now(),
  primary key (scope, scope_id, key)
);

-- ---------------------------------------------------------------- operations

create table operations (
  id uuid primary key,
  kind text not null,
  definition_version int not null,
  tenant_id uuid,
  environment_id uuid,
  input jsonb not null default '{}',
  status text not null check (status in ('queued', 'running', 'waiting', 'cancelling', 'undoing', 'succeeded',
    'failed', 'cancelled', 'needs_operator')),
  exclusive boolean not null default true,
  -- made by the platform for itself (a spare, a sweep): left out of lists unless asked for
  internal boolean not null default false,
  -- from the beginning of this step on it can't be cancelled any more
  no_return_ordinal int,
  progress real not null default 0,
  message text,
  error jsonb,
  fence bigint not null default 0,
  lease_holder text,
  lease_until timestamptz,
  -- holders whose lease ran out without a proof that they are gone: they may stand still, and wake up some day
  overtaken text[] not null default '{}',
  wait_until timestamptz,
  requested_by text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz
);
create unique index operations_one_exclusive on operations (environment_id)
  where exclusive and environment_id is not null
    and status not in ('succeeded', 'failed', 'cancelled');
-- What a worker may take, in the order in which it became due: thousands that wait for next month cost nothing.
create index operations_due on operations ((coalesce(wait_until, created_at)), id)
  where status in ('queued', 'running', 'waiting', 'cancelling', 'undoing');
create index operations_tenant on operations (tenant_id, id desc);
create index operations_shown on operations (id desc) where not internal;

create table operation_steps (
  operation_id uuid not null references operations on delete cascade,
  ordinal int not null,
  name text not null,
  title text not null,
  status text not null check (status in ('pending', 'running', 'done', 'failed', 'undoing', 'undone')),
  attempt int not null default 0,
  result jsonb,
  error jsonb,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (operation_id, ordinal)
);

-- When recurring work is due next: whichever node moves the date does it this time.
create table schedules (
  name text primary key,
  due_at timestamptz not null
);

-- ---------------------------------------------------------------- places and what stands there

create table database_servers (
  id uuid primary key,
  name text not null unique,
  kind text not null check (kind in ('embedded', 'external')),
  url_secret bytea not null,
  version_number int not null default 0,
  region text,
  capacity int not null default 10000,
  max_backends int not null default 50,
  state text not null default 'ready' check (state in ('ready', 'unavailable', 'draining')),
  created_at timestamptz not null default now()
);

create table databases (
  id uuid primary key,
  server_id uuid not null references database_servers,
  app_id uuid not null references apps,
  level text not null check (level in ('shared', 'schema', 'database', 'dedicated', 'sqlite')),
  name text not null,
  schema_version int not null,
  state text not null check (state in ('creating', 'blueprint', 'spare', 'in_use', 'removing')),
  role_name text,
  role_secret bytea,
  created_at timestamptz not null default now(),
  unique (server_id, name)
);
create index databases_spare on databases (app_id, level, schema_version) where state = 'spare';

create table placements (
  id uuid primary key,
  environment_id uuid not null references environments on delete cascade,
  kind text not null check (kind in ('database', 'storage', 'cache', 'compute')),
  driver text not null,
  state text not null check (state in ('building', 'current', 'retired')),
  generation int not null,
  database_id uuid references databases,
  physical_name text,
  schema_version int,
  detail jsonb not null default '{}',
  secret bytea,
  created_at timestamptz not null default now(),
  unique (environment_id, kind, generation)
);
create unique index placements_one_current on placements (environment_id, kind) where state = 'current';
create unique index placements_database on placements (database_id) where driver = 'database';

-- Written before any outside effect, so that whatever a dead worker left behind can be found and removed.
create table resources (
  id uuid primary key,
  kind text not null,
  driver text not null,
  server_id uuid,
  physical_name text not null,
  state text not null check (state in ('creating', 'present', 'removing')),
  operation_id uuid not null,
  fence bigint not null,
  environment_id uuid,
  detail jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create unique index resources_name on resources (kind, driver, coalesce(server_id::text, ''), physical_name);
create index resources_operation on resources (operation_id);
create index resources_environment on resources (environment_id);

-- How many backends of a database server each process may hold: a budget over all nodes.
create table backend_leases (
  holder text not null,
  server_id uuid not null references database_servers on delete cascade,
  backends int not null check (backends > 0),
  lease_until timestamptz not null,
  primary key (holder, server_id)
);

-- ---------------------------------------------------------------- access

create table users (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  email text not null,
  name text,
  role text not null,
  password_hash text,
  status text not null default 'active' check (status in ('active', 'deactivated')),
  last_login_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email on users (tenant_id, lower(email));

create table sessions (
  id uuid primary key,
  token_hash bytea not null unique,
  user_id uuid not null references users on delete cascade,
  tenant_id uuid not null references tenants on delete cascade,
  environment_id uuid not null,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  address text,
  user_agent text
);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table login_attempts (
  key text primary key,
  failures int not null,
  blocked_until timestamptz,
  updated_at timestamptz not null default now()
);

create table api_keys (
  id uuid primary key,
  kind text not null check (kind in ('operator', 'app')),
  app_id uuid references apps,
  -- a key made for one running process goes when that process does
  instance_id uuid references instances on delete cascade,
  name text not null,
  hint text not null,
  key_hash bytea not null unique,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);

-- Signing keys of the gateway's tenant header. The private half is ciphertext under the master key.
create table signing_keys (
  kid text primary key,
  public_jwk jsonb not null,
  private_secret bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

create table idempotency_keys (
  principal text not null,
  key text not null,
  request_hash bytea not null,
  status int,
  headers jsonb,
  body text,
  created_at timestamptz not null default now(),
  primary key (principal, key)
);
