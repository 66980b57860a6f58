import type { Step } from "./index.ts";

/** A small schema that has one of each thing that levels hold in different ways. */
export const randomSchema = `
  create type color as enum ('red', 'green', 'blue');
  create table users (id int primary key, name text not null, color color not null default 'red', age int,
    boss int references users on delete set null, constraint users_name unique (name));
  create table posts (id int primary key, user_id int references users on delete cascade on update cascade, title text not null,
    tags text[] not null default '{}', meta jsonb, unique (user_id, title));
  create unique index posts_title on posts (lower(title)) where user_id is null;
  create table marks (post_id int references posts deferrable initially deferred, kind color, n int check (n < 90),
    primary key (post_id, kind));
  create table spare (id int primary key, title text, n int);
  create table kept (id int primary key, title text, n int);
  create view loud as select u.id, upper(u.name) as name, u.color, count(p.id) as posts
    from users u left join posts p on p.user_id = u.id group by u.id;
  create view red_users as select id, name, age from users where color = 'red' with check option;
  create function posts_of(wanted int) returns setof posts stable language sql as 'select * from posts where user_id = wanted';
  create function totals() returns table (id int, name text, n bigint) stable language plpgsql as $$
    begin return query select u.id, u.name, count(*) from users u join posts p on p.user_id = u.id group by u.id; end $$;
  create function shorten() returns trigger language plpgsql as $$
    begin if new.title is distinct from old.title then new.title := left(new.title, 12); end if; return new; end $$;
  create trigger shorten before update on posts for each row execute function shorten();`;

/** Comes later, so that at the level `shared` the hidden column isn't a table's last one. */
export const randomLater = `
  alter table users add column mail text default 'none';
  alter table spare add column extra text;
  alter table kept add column extra text;
  alter table kept add column code uuid;`;

/** Numbers from 0 up to 1, the same for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Grammar = { readonly [rule: string]: readonly string[] };

/** `<rule>` stands for one of a rule's lines. A rule that a level is known to answer otherwise isn't here. */
const grammar: Grammar = {
  statement: ["<write>", "<write>", "<write>", "<read>", "<read>", "<read>", "<bracket>"],
  bracket: [
    "begin",
    "commit",
    "rollback",
    "savepoint <mark>",
    "rollback to savepoint <mark>",
    "release savepoint <mark>",
  ],
  mark: ["a", "b"],
  write: [
    "insert into users (id, name, color, age, boss) values (<id>, <name>, <color>, <number>, <reference>) <upsert-user> <returning>",
    "insert into users (name, id) select 'n' || n, n from generate_series(<id>, <id>) n on conflict do nothing <returning>",
    "insert into posts (id, user_id, title, tags, meta) values (<id>, <reference>, <title>, <tags>, <json>) <upsert-post> <returning>",
    "insert into marks values (<id>, <color>, <number>) <upsert-mark> <returning>",
    "insert into spare values (<id>, <title>, <number>), (<id>, <title>) on conflict do nothing",
    "insert into spare values (<id>, <title>, <number>) on conflict (id) do update set n = excluded.n, title = spare.title <returning>",
    "insert into kept select * from spare where <spare-where> on conflict (id) do nothing <returning>",
    "insert into spare values (<id>, <title>, <number>, <title>), (<id> + 20, 'x', null, null) on conflict do nothing <returning>",
    "insert into kept (id, title, n, extra) select s.* from spare s where <spare-where> on conflict do nothing",
    "insert into kept select s.*, null from spare as s left join users u on u.id = s.id where s.n > <number> on conflict do nothing <returning>",
    "insert into kept select * from (select * from spare) q where id > <id> on conflict do nothing",
    "insert into kept table spare on conflict do nothing returning *",
    "insert into marks select p.id, <color>, <number> from posts p where <post-where> on conflict do nothing",
    "insert into users select id + 20, title || id from spare where <spare-where> on conflict do nothing <returning>",
    "insert into spare values (<id>, <title>, <number>, 'x', 'too many')",
    "with gone as (delete from spare where <spare-where> returning *) insert into kept select * from gone on conflict do nothing <returning>",
    "insert into red_users (id, name) values (<id>, <name>) on conflict do nothing <returning>",
    "update users set age = coalesce(age, 0) + 1, color = <color> where <user-where> <returning>",
    "update users as u set boss = x.id from users x where x.id = <id> and u.id <> x.id <returning>",
    "update posts set title = title || <title>, user_id = <reference> where <post-where> <returning>",
    "update posts p set meta = to_jsonb(u) - 'boss' from users u where u.id = p.user_id and u.id = <id>",
    "update marks set (kind, n) = (select <color>::color, n + 1) where <mark-where> <returning>",
    "delete from users where <user-where> and id > 12 <returning>",
    "delete from posts using users u where u.id = posts.user_id and posts.id = <id> <returning>",
    "delete from marks where <mark-where> <returning>",
    "merge into kept k using spare s on s.id = k.id when matched and s.n > 50 then delete when matched then update set n = s.n when not matched then insert (id, title) values (s.id, s.title)",
    "update red_users set age = <number> where id = <id> <returning>",
    "set constraints all <when>",
  ],
  when: ["immediate", "deferred"],
  "upsert-user": [
    "",
    "on conflict do nothing",
    "on conflict (id) do nothing",
    "on conflict (name) do update set age = excluded.age",
    "on conflict on constraint users_name do update set color = excluded.color",
    "on conflict on constraint users_pkey do nothing",
  ],
  "upsert-post": [
    "",
    "on conflict do nothing",
    "on conflict (user_id, title) do update set meta = excluded.meta",
    "on conflict (lower(title)) where user_id is null do update set tags = posts.tags || excluded.tags",
  ],
  "upsert-mark": [
    "",
    "on conflict (post_id, kind) do update set n = excluded.n",
    "on conflict on constraint marks_pkey do nothing",
  ],
  returning: ["", "", "returning *", "returning id", "returning 1 as one"],
  read: [
    "select * from <table> order by 1, 2",
    "select <table>.* from <table> order by 1 limit <number>",
    "select u.*, count(p.id) as posts from users u <join> posts p on p.user_id = u.id group by u.id order by u.id, 1",
    "select u.id, p.id, u.name, p.title, max(m.n) from users u <join> posts p on p.user_id = u.id <join> marks m on m.post_id = p.id group by u.id, p.id order by 1, 2",
    "select name, age from users group by id having count(*) > 0 order by id",
    "select p.title, count(*) from posts p join marks m on m.post_id = p.id group by p.title order by 1",
    "select u.name from users u where u.id in (select p.user_id from posts p group by p.id having max(p.title) > 'c') order by 1",
    "select u.id, (select count(*) from posts p where p.user_id = u.id and u.age is not null) from users u group by u.id order by 1",
    "select * from (select u.id, u.name, count(*) over (partition by u.color order by u.id) from users u group by u.id) q order by 1",
    "select p.id, p.title, rank() over (order by p.title), lag(p.id) over (order by p.id) from posts p where <post-where> order by p.id",
    "select * from users natural <left> join posts order by 1",
    "select * from spare full join kept using (id) order by id",
    "select * from spare natural join kept order by 1",
    "select title from spare <combine> select title from kept order by 1",
    "select * from spare <combine> select id, title, n, extra from kept order by 1, 2, 3, 4",
    "select id, title, n, extra, null::uuid from spare <combine> select * from kept order by 1, 2, 3, 4",
    "select * from spare <combine> select * from kept order by 1, 2, 3",
    "table spare <combine> (select s.* from spare s join users using (id)) order by 1, 2",
    "select s.*, u.* from spare s, users u where s.id = u.id <combine> select s.*, u.* from spare s join users u on u.id = s.id order by 1",
    "select q.* from (select * from spare <combine> values (1, 'a', 2, null)) q order by 1, 2, 3",
    "select count(*), sum(n) from (select * from kept where <spare-where> union all select *, null from spare) q",
    "select id from users <combine> select user_id from posts <combine> select post_id from marks order by 1",
    "with q as (select * from users where <user-where>) select q.*, p.title from q left join posts p on p.user_id = q.id order by q.id, p.title",
    "with recursive chain as (select u.id, u.boss, 1 as depth from users u where u.id = <id> union all select u.id, u.boss, c.depth + 1 from chain c join users u on u.id = c.boss where c.depth < 5) select * from chain order by depth",
    "select u.id, l.* from users u left join lateral (select p.* from posts p where p.user_id = u.id order by p.id limit 1) l on true order by u.id",
    "select * from loud order by id",
    "select l.name, p.title from loud l join posts p on p.user_id = l.id order by p.id",
    "select * from red_users order by id",
    "select * from posts_of(<id>) order by id",
    "select (posts_of(<id>)).title order by 1",
    "select * from totals() order by id",
    "select row_to_json(u) from users u order by u.id",
    "select jsonb_agg(to_jsonb(p) order by p.id), json_agg(p.* order by p.id) from posts p where <post-where>",
    "select u.id, to_jsonb(array_agg(p order by p.id)) from users u join posts p on p.user_id = u.id group by u.id order by 1",
    "select (q.u).name, (q.u).age from (select u from users u order by id limit 3) q order by 1",
    "select count(*), count(u), count(distinct u.color), min(u.name) from users u where <user-where>",
    "select color, array_agg(name order by id), grouping(color) from users group by rollup (color) order by 1, 3",
    "select distinct on (color) color, id from users order by color, id",
    "select exists (select * from posts where <post-where>), (select max(id) from marks m join posts on posts.id = m.post_id)",
    "select * from users where (name, age) in (select title, n from spare) or id = any (select id from kept) order by 1",
    "select u.* from users u where not exists (select from posts p where p.user_id = u.id) order by u.id for update",
    "select * from users, spare where spare.id = users.id order by users.id",
    "select meta, meta ->> 'name' from posts where meta is not null order by id",
    "values (1, 'a'), (2, <title>)",
    "table kept",
    "select coalesce(max(id), 0) from <table-with-id>",
    "select nothing from users",
    "select u.name, p.title from users u join posts p on p.user_id = u.id group by u.id order by 1",
  ],
  combine: ["union", "union all", "intersect", "except", "except all"],
  left: ["", "left"],
  join: ["join", "left join", "full join"],
  table: ["users", "posts", "marks", "spare", "kept"],
  "table-with-id": ["users", "posts", "spare", "kept"],
  "user-where": [
    "id = <id>",
    "color = <color>",
    "age > <number>",
    "boss is null",
    "name like 'a%'",
    "id between <id> and <id>",
  ],
  "post-where": [
    "id = <id>",
    "user_id = <id>",
    "'x' = any (tags)",
    "meta @> <json>",
    "lower(title) > 'b'",
    "user_id is null",
  ],
  "mark-where": ["post_id = <id>", "kind = <color>", "n > <number>"],
  "spare-where": ["id < <id>", "n > <number>", "title like '%a%'"],
  id: Array.from({ length: 16 }, (_, index) => String(index + 1)),
  reference: ["null", "<id>", "<id>"],
  number: ["0", "1", "5", "20", "60", "95"],
  color: ["'red'", "'green'", "'blue'"],
  name: ["'ada'", "'bob'", "'cy'", "'Größe'", "'a' || <id>", "'n' || <id>"],
  title: ["'first'", "'First'", "'a''b'", "'c, d'", "'t' || <id>", "'x y'"],
  tags: ["'{}'", "'{x,y}'", "array['x', 'z z']"],
  json: ["null", "'{}'", `'{"a": 1}'`, `'{"a": 1, "b": [null, "x"]}'`],
};

/** As many statements as asked for, made from the grammar; the same for the same seed. */
export function randomStatements(seed: number, count: number): Step[] {
  const next = numbersFrom(seed);
  const write = (rule: string): string => {
    const lines = grammar[rule]!;
    const line = lines[Math.floor(next() * lines.length)]!;
    return line.replace(/<([\w-]+)>/g, (_whole, inner: string) => write(inner));
  };
  return Array.from({ length: count }, () => ({
    text: write("statement").trim(),
    values: [],
    difference: undefined,
  }));
}
