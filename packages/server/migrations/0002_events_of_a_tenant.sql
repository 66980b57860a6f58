-- One tenant's events are read in their order, however many others' lie between.
create index events_tenant on events (tenant_id, version, ordinal) where tenant_id is not null;
