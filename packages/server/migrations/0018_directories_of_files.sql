-- A directory of SQLite files on one machine's disk stands beside the servers.
alter table database_servers
  drop constraint database_servers_kind_check,
  add constraint database_servers_kind_check check (kind in ('embedded', 'external', 'directory'));
