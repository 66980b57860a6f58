-- Hostnames of tenants' own. A row says what an environment claims; `verified_at`, that the claim was proven. Several may
-- claim a hostname, one alone may have proven it. What gateways read stands in `routes`, with the kind `custom`.
create table domains (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  environment_id uuid not null references environments on delete cascade,
  -- punycode, lower case
  hostname text not null,
  verified_at timestamptz,
  -- the operator's word isn't looked at again; records are
  verified_by text check (verified_by in ('txt', 'cname', 'operator')),
  -- since when the record of a proven domain isn't found any more
  missing_since timestamptz,
  checked_at timestamptz,
  -- what the last look at DNS found
  last_check jsonb,
  -- the pauses between looks grow from here
  watched_since timestamptz not null default now(),
  next_check_at timestamptz,
  created_at timestamptz not null default now(),
  unique (tenant_id, hostname),
  check ((verified_at is null) = (verified_by is null)),
  check (missing_since is null or verified_at is not null)
);
create unique index domains_verified on domains (hostname) where verified_at is not null;
create index domains_environment on domains (environment_id);
create index domains_due on domains (next_check_at) where next_check_at is not null;

-- The authority that vouches for one domain goes with it.
alter table certificate_authorities add column domain_id uuid references domains on delete cascade;
create index certificate_authorities_domain on certificate_authorities (domain_id) where domain_id is not null;
