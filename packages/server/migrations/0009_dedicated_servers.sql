-- Servers that one environment has to itself, servers of a tenant's own, and servers that we start for an environment:
-- those have no URL before they run.
alter table database_servers
  add column dedicated boolean not null default false,
  add column tenant_id uuid references tenants on delete set null,
  -- Whose the server is or will be: it may be registered before the tenant is.
  add column tenant_slug text,
  add column statement_timeout_ms int check (statement_timeout_ms > 0),
  alter column url_secret drop not null,
  drop constraint database_servers_state_check,
  add constraint database_servers_state_check
    check (state in ('creating', 'ready', 'unavailable', 'draining', 'removing'));
create index database_servers_tenant on database_servers (tenant_id) where tenant_id is not null;
