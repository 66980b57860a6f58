import { readFile } from "node:fs/promises";

/** Schemas of applications in different styles, for tests of what every level has to hold. */
export const schemaNames = ["rental", "quoted", "dumped"] as const;

export type SchemaName = (typeof schemaNames)[number];

export function schemaText(name: SchemaName): Promise<string> {
  return readFile(new URL(`schemas/${name}.sql`, import.meta.url), "utf8");
}

/** What the level `shared` refuses, taken out. */
export async function sharedSchemaText(name: SchemaName): Promise<string> {
  const text = await schemaText(name);
  return text
    .replace(/create materialized view [^;]*;/, "")
    .replace(/create unique index popular_rooms[^;]*;/, "")
    .replace(/refresh materialized view [^;]*;/, "");
}

/**
 * One script of reads and writes for each schema; its answers, errors among them, are the same at every level. What fails
 * comes last: a sequence has given its number out then, and a counter of the level `shared` takes it back.
 */
export const scripts: { [name in SchemaName]: string[] } = {
  rental: [
    "select id, email, slug, referred_by, tags, profile from customers order by id",
    "insert into customers (email, name, tags) values ('Cy@Example.com', 'Cy Young', '{a,b}') returning id, slug, profile",
    "update customers set name = 'Cy', updated_at = '2000-01-01' where email = 'cy@example.com' returning slug, updated_at > '2001-01-01' as touched",
    "select id from customers where profile @> '{\"new\": true}' and name ilike 'c%'",
    "insert into rooms (building, number, label, code) values ('Side', 1, 'b', null)",
    "insert into rooms (building, number, label, code) values ('Side', 2, 'B', 'S2') returning label",
    "select building, number, label from rooms order by label, building, number",
    "insert into bookings (customer_id, building, room_number, during, state) values (2, 'Main', 2, '[2025-03-01 12:00+0,2025-03-03 00:00+0)', 'open') returning id, quantity, invoice",
    "insert into bookings (customer_id, during, quantity, amount) values (1, '[2026-03-01,2026-03-02)', 3, row(500, 'EUR')) returning id, (amount).cents, invoice",
    "select id, customer, begins = '2025-03-01 12:00+0' as begins from open_bookings order by id",
    "select id, name, bookings, cents from customer_totals order by id",
    "select id, state from bookings_of('Ada') order by id",
    "select kind, body from events order by body->>'booking', kind",
    "insert into payments (paid_on, cents) values ('2025-06-01', 5), ('2040-01-01', 7) returning id, paid_on::text",
    "insert into payments_2025 (id, paid_on, booking_id, cents) values (7, '2025-07-01', 2, 9) returning id",
    "select tableoid::regclass::text = 'payments_2025' as this_year, id, cents from payments order by id",
    "select count(*) from cheap_payments",
    "call close_bookings('2025-03-02 00:00+0')",
    "select id, state from bookings order by id",
    "delete from rooms where building = 'Main' and number = 2",
    "select id, building, room_number from bookings order by id",
    "update customers set id = 20 where id = 2",
    "select id, customer_id from bookings order by id",
    "delete from payments where booking_id is not null",
    "delete from customers where id = 1",
    "select id, referred_by from customers order by id",
    "select count(*) from bookings",
    "insert into customers (email, name) values ('not an address', 'Nobody')",
    "insert into customers (email, name) values ('CY@example.com', 'Somebody')",
    "insert into customers (email, name) values ('ada2@example.com', 'ADA')",
    "insert into bookings (customer_id, building, room_number, during, state) values (2, 'Main', 1, '[2025-03-01 12:00,2025-03-03)', 'open')",
    "insert into bookings (customer_id, building, room_number, during) values (999, 'Main', 2, '[2026-03-01,2026-03-02)')",
    "insert into bookings (customer_id, building, room_number, during) values (1, 'Gone', 2, '[2026-03-01,2026-03-02)')",
    "insert into bookings (customer_id, during, quantity) values (1, '[2026-03-01,2026-03-02)', 0)",
    "insert into payments_2025 (id, paid_on, cents) values (8, '2024-07-01', 9)",
    "insert into payments (paid_on, booking_id, cents) values ('2025-08-01', 777, 1)",
    "insert into cheap_payments (paid_on, cents) values ('2025-01-01', 100000)",
  ],
  quoted: [
    `insert into "User" ("email", "displayName") values ('a@x', 'A'), ('b@x', null) returning "id", "role"`,
    `insert into "Post" ("id", "title", "authorId", "meta") values ('p1', 'One', 1, '{"a": [1]}'), ('p2', 'Two', 2, null) returning "id", "published", "score"`,
    `insert into "Tag" ("name") values ('x'), ('y') returning "id"`,
    `insert into "_PostToTag" values ('p1', 1), ('p1', 2), ('p2', 1)`,
    `insert into "_PostToTag" values ('p1', 1)`,
    `select "p"."title", count("t"."B")::int as "tags" from "Post" "p" left join "_PostToTag" "t" on "t"."A" = "p"."id" group by "p"."id", "p"."title" order by 1`,
    `update "User" set "id" = 10 where "id" = 1 returning "id"`,
    `select "id", "authorId" from "Post" order by 1`,
    `delete from "User" where "id" = 10`,
    `delete from "Post" where "id" = 'p1'`,
    `select "A", "B" from "_PostToTag" order by 1, 2`,
    `insert into "User" ("email") values ('z@x') returning "id"`,
    `insert into "User" ("email") values ('a@x')`,
    `insert into "User" ("email", "role") values ('c@x', 'OWNER')`,
    `insert into "Post" ("id", "title", "authorId") values ('p3', 'Three', 99)`,
  ],
  dumped: [
    "select id, path from projects",
    "insert into projects (path, parent_id) values ('group', null), ('child', 1) returning id",
    "insert into issues (project_id, title) values (1, 'First'), (1, 'Second'), (2, 'Third') returning id, iid, state",
    "select count_open(1), count_open(2)",
    "update issues set state = 'closed' where iid = 1 and project_id = 1",
    "select count_open(1)",
    "select id, title from open_issues order by id",
    "select id from issues where title % 'Secnd' order by id",
    "delete from projects where id = 1",
    "select id, project_id from issues order by id",
    "select id, parent_id from projects order by id",
    "insert into projects (path) values ('group')",
    "insert into projects (path, parent_id) values ('orphan', 77)",
    "insert into issues (project_id, title, weight) values (1, 'Light', -1)",
    "insert into issues (project_id, title) values (99, 'Nowhere')",
  ],
};
