-- Which keys applications get on an S3 server. Those of servers that stand stay what they are.
alter table storage_servers
  -- Whether each environment at `prefix` has a user of its own there, with a policy.
  add column prefix_users boolean not null default false,
  -- By which role, and where, keys for a time are to be had; applications get our own key where they aren't.
  add column role_arn text,
  add column sts_endpoint text,
  add constraint storage_servers_role_somewhere check ((role_arn is null) = (sts_endpoint is null));
