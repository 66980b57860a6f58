-- The server that files or a cache stand on, where one was chosen for them; which table it is in depends on the driver.
alter table placements add column server_id uuid;
create index placements_server on placements (server_id) where server_id is not null;
