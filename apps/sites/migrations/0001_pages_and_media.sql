-- The pages and the media of a site. Kept to SQL that every level understands.

create table pages (
  id uuid primary key,
  slug text not null unique,
  title text not null,
  description text not null default '',
  body text not null default '',
  published boolean not null default false,
  position integer not null,
  -- Grows with every change: whoever saves says which version they saw.
  version integer not null default 1,
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp,
  updated_by text not null
);

create index pages_in_order on pages (position, id);

create table media (
  id uuid primary key,
  name text not null,
  content_type text not null,
  -- Until the file is stored: the room reserved for it.
  size bigint not null,
  stored boolean not null default false,
  created_at timestamptz not null default current_timestamp,
  created_by text not null
);

create index media_in_order on media (created_at, id);
