-- When it was last told that nothing happens in an operation; nothing has happened since while it is newer than the rest.
alter table operations add column stuck_told_at timestamptz;
-- What somebody should look at: few among very many.
create index operations_amiss on operations (ended_at) where status in ('failed', 'needs_operator');
