import { expect, test } from "vitest";
import { withGroupedKeys } from "./group-keys.ts";

const keys = new Map([
  ['"users"', ["id"]],
  ['"Order Line"', ["order", "position"]],
  ['"shop"."items"', ["id"]],
]);
const hidden = '"tenantry_environment"';

test.each([
  [
    "select u.id, u.name from users u group by u.id",
    `select u.id, u.name from users u group by u.${hidden}, u.id`,
  ],
  ["select id, name from users group by id", `select id, name from users group by users.${hidden}, id`],
  [
    "SELECT u.id, count(p.id) AS posts FROM (users u LEFT JOIN posts p ON ((p.user_id = u.id))) GROUP BY u.id;",
    `SELECT u.id, count(p.id) AS posts FROM (users u LEFT JOIN posts p ON ((p.user_id = u.id))) GROUP BY u.${hidden}, u.id;`,
  ],
  [
    'select l.* from public."Order Line" as l, shop.items i group by l."position", l."order", i.id having true',
    `select l.* from public."Order Line" as l, shop.items i group by l.${hidden}, i.${hidden}, l."position", l."order", i.id having true`,
  ],
  [
    "begin return query select u.name from users u group by u.id order by 1; end",
    `begin return query select u.name from users u group by u.${hidden}, u.id order by 1; end`,
  ],
  [
    "select (select name from users group by id limit 1) from posts p group by p.id",
    `select (select name from users group by users.${hidden}, id limit 1) from posts p group by p.id`,
  ],
])("%s groups by the whole key", (text, expected) => {
  expect(withGroupedKeys(text, keys)).toBe(expected);
});

test.each([
  "select u.name from users u group by u.name",
  'select l.* from "Order Line" l group by l."order"',
  "select count(*) from (select id from users) u group by u.id",
  "select p.id from posts p group by p.id",
  "select 'group by id' from users",
  "select lower(u.id) from users u group by lower(u.id)",
])("%s is left as it is", (text) => {
  expect(withGroupedKeys(text, keys)).toBe(text);
});
