-- Canaries: tenants of the platform's own, which the verification of isolation works with. They stand in no list, count
-- against no limit, and no application hears of them.
alter table tenants add column internal boolean not null default false;

create index tenants_internal on tenants (id) where internal;

-- What verifications of isolation found, signed. Nothing in it is a tenant's own.
create table isolation_reports (
  id uuid primary key,
  operation_id uuid not null unique,
  verdict text not null check (verdict in ('isolated', 'breached')),
  attempts int not null,
  breaches int not null,
  skipped int not null,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  document jsonb not null
);
