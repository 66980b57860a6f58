-- While an environment is carried from one place to another nobody gets at it, whatever its own state is meanwhile.
alter table environments add column moving boolean not null default false;
create index environments_moving on environments (id) where moving;

-- minimum-reader: 24
