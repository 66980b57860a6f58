-- Whose environment it was: an application learns of its own alone. Null where a node of the version before wrote it: that
-- is told to all, as it was.
alter table stream_tombstones add column app_id uuid;
