-- Who lives in a database: asked for each of thousands, whatever the level.
create index placements_of_database on placements (database_id) where database_id is not null;
