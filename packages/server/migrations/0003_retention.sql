-- What is kept for a time only. The highest version of a tombstone that was removed: a follower that has read less than
-- that may know things that are gone, and must read everything anew.
alter table stream_versions add column forgotten_version bigint not null default 0;

create index operations_ended on operations (internal, ended_at) where ended_at is not null;
create index login_attempts_updated on login_attempts (updated_at);
create index idempotency_keys_created on idempotency_keys (created_at);
