-- Templates: what new tenants are made from. A revision never changes; a change is the next one.

create table templates (
  id uuid primary key,
  name text not null unique,
  app_id uuid not null references apps,
  newest_revision int not null,
  created_at timestamptz not null default now()
);

create table template_revisions (
  template_id uuid not null references templates on delete cascade,
  number int not null,
  description text,
  configuration jsonb not null,
  data_files int not null,
  data_bytes bigint not null,
  files int not null,
  file_bytes bigint not null,
  created_by text,
  created_at timestamptz not null default now(),
  primary key (template_id, number)
);

-- Starter data: files of SQL, and files for storage. Their content is a list of chunks.
create table template_files (
  template_id uuid not null,
  revision int not null,
  kind text not null check (kind in ('data', 'storage')),
  ordinal int not null,
  name text not null,
  content_type text,
  size bigint not null,
  chunks text[] not null,
  primary key (template_id, revision, kind, ordinal),
  foreign key (template_id, revision) references template_revisions on delete cascade
);
create index template_files_chunks on template_files using gin (chunks);

-- Contents by their hash: the same in two revisions are kept once. Those that nobody refers to go after a day.
create table template_chunks (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  data bytea not null,
  used_at timestamptz not null default now()
);
create index template_chunks_used on template_chunks (used_at);

-- What a tenant was made from, as it was called then: the template may have changed since, or be gone.
alter table tenants add template_name text, add template_revision int;
create index tenants_template on tenants (template_name) where template_name is not null;

-- That starter data goes in once: before a commit the transaction stands here, and whoever goes on after an
-- interruption asks the server what became of it.
create table seedings (
  environment_id uuid primary key references environments on delete cascade,
  operation_id uuid not null,
  transaction_id text,
  rows_changed bigint,
  begun_at timestamptz not null default now()
);
