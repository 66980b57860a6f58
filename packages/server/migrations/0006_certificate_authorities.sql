-- The installation's own authorities, which vouch for hostnames below a root domain. One of them is in use at a time: the
-- newest of its root domain. People trust it by hand, so one that stands is never replaced before it runs out.
create table certificate_authorities (
  id uuid primary key,
  root_domain text not null,
  -- PEM
  certificate text not null,
  private_secret bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create index certificate_authorities_root_domain on certificate_authorities (root_domain, created_at);
