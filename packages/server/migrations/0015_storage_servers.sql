-- S3 servers that files stand on. One kept for `own` holds one tenant's files and nobody else's.
create table storage_servers (
  id uuid primary key,
  name text not null unique,
  purpose text not null check (purpose in ('shared', 'own')),
  endpoint text not null,
  -- What requests are signed for; where the server stands is `region`.
  signing_region text not null,
  bucket text not null,
  access_key_id text not null,
  -- The secret access key, and the key that users' keys are derived from.
  secret bytea not null,
  -- How users are made there, one for each bucket; applications get our own key where none are.
  users text check (users = 'ceph'),
  -- Whether our key may make buckets.
  buckets boolean not null,
  region text,
  capacity int not null check (capacity > 0),
  -- Whose it is: nobody else gets it. The tenant may come later than the server.
  tenant_slug text,
  created_at timestamptz not null default now(),
  unique (endpoint, bucket)
);
