-- Of every kind that a file holds, too.
create type mood as enum ('fine', 'Not "so" fine');
create type "position" as enum ('up', 'down');
create domain percent as int check (value between 0 and 100);
create table people (
  id int generated always as identity primary key,
  name varchar(40) not null unique,
  boss_id int references people,
  share percent,
  loud text generated always as (upper(name)) stored
);
create table crews (id bigserial primary key, lead_id int not null references people, best_id bigint);
create table members (id smallserial primary key, crew_id bigint not null references crews);
alter table crews add foreign key (best_id) references members;
alter table crews rename to teams;
create table a_table_whose_name_is_so_long_that_its_sequence_gets_less (a_column_with_a_long_name_too serial primary key);
create table "Odd ""names""" ("the key" uuid primary key, "select" text, "Ü" mood[]);
create table everything (
  id int primary key, flag boolean, small smallint, large bigint, exact numeric(12, 2), whole numeric(15), real real,
  double double precision, text text, bytes bytea, day date, moment timestamptz, local timestamp(3), clock time, doc json,
  docb jsonb, id2 uuid, feeling mood, way "position", words text[], moods mood[], amounts numeric(5, 2)[],
  moments timestamptz[], codes varchar(4)[], docs jsonb[], flags boolean[], doubles double precision[]
);
create table nobody (id int);
insert into people (name) values ('Root');
