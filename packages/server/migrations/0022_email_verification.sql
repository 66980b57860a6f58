-- When a user's address was proven, or vouched for by whoever may look after users. Nodes of the version before say
-- nothing of it: whoever they made was vouched for, as everybody was until now.
alter table users add column email_verified_at timestamptz default now();
update users set email_verified_at = created_at;
-- Registered by themself, and not touched by anybody since.
alter table users add column self_registered boolean not null default false;

-- What somebody proves an address with: one for each user, the newest.
create table email_verifications (
  user_id uuid primary key references users on delete cascade,
  tenant_id uuid not null references tenants on delete cascade,
  email text not null,
  token_hash bytea not null unique,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index email_verifications_expiry on email_verifications (expires_at);
create index users_unproven on users (created_at) where self_registered and email_verified_at is null;
