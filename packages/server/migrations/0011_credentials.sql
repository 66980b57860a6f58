-- Logins of environments' databases for programs that don't use the SDK. The role itself stands on the database's server.
create table credentials (
  id uuid primary key,
  environment_id uuid not null references environments on delete cascade,
  -- where it leads: another place is another login
  placement_id uuid not null references placements on delete cascade,
  role_name text not null,
  secret bytea not null,
  state text not null check (state in ('creating', 'current', 'retiring')),
  -- whether it was last seen to let anybody in; what it should do follows from its tenant
  open boolean not null default false,
  expires_at timestamptz check ((expires_at is not null) = (state = 'retiring')),
  created_at timestamptz not null default now()
);
create index credentials_environment on credentials (environment_id);
create index credentials_placement on credentials (placement_id);
create unique index credentials_one_current on credentials (environment_id) where state = 'current';
