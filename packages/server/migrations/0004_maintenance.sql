-- What visitors are told while an environment is in maintenance; null outside it, and where nobody said anything.
alter table environments add column maintenance_message text;
alter table environments add column maintenance_retry_after_seconds int;
alter table routes add column message text;
alter table routes add column retry_after_seconds int;

-- minimum-reader: 4
-- A release's variables, under the master key. Rows from before keep theirs in `variables` until they are sealed.
alter table releases add column variables_secret bytea;
