-- Redis servers that caches stand on. One kept for `own` holds one environment's cache and nobody else's.
create table cache_servers (
  id uuid primary key,
  name text not null unique,
  purpose text not null check (purpose in ('shared', 'own')),
  -- The URL, and the key that users' passwords are derived from.
  secret bytea not null,
  version text not null,
  -- Whether users can be given rights of their own there; if not, prefixes alone keep environments apart.
  users boolean not null,
  databases int not null check (databases > 0),
  region text,
  capacity int not null check (capacity > 0),
  created_at timestamptz not null default now()
);

-- Whether the user of a cache is let in where it stands; a suspended tenant's isn't.
alter table placements add column admitted boolean not null default true;

-- The space that all tenants of an application share when they ask for it. The row is there before its user is, and
-- goes after it.
create table app_caches (
  app_id uuid primary key references apps on delete cascade,
  server_id uuid not null references cache_servers,
  name text not null,
  made boolean not null default false
);
