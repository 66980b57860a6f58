-- The settings that gateways go by: one row, followed with the stream `routes`.
create table gateway_settings (
  is_only boolean primary key default true check (is_only),
  automatic_tls boolean not null default true,
  version bigint not null default 0
);
insert into gateway_settings default values;
