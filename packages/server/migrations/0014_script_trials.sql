-- A run that was tried and taken back.
alter table script_runs add column dry_run boolean not null default false;
create index script_runs_script on script_runs (script_id, started_at);
