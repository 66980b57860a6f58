import pg from "pg";
import { expect, test } from "vitest";
import { groupingOf } from "./grouping.ts";

let count = 0;

/** What is sent after PostgreSQL has refused the column at `place` of the text. */
function regrouped(text: string, place: string, message = "", code = "42803"): string | undefined {
  const error = Object.assign(new pg.DatabaseError(message, 0, "error"), {
    code,
    position: String([...text.slice(0, text.indexOf(place))].length + 1),
  });
  count += 1;
  return groupingOf(`database ${count}`, text)?.again(error);
}

const hidden = "tenantry_environment";

test.each([
  [
    "select u.id, u.name from users u group by u.id",
    "u.name",
    "",
    `select u.id, u.name from users u group by u.${hidden}, u.id`,
  ],
  [
    'SELECT "users".* FROM "users" JOIN p ON true GROUP BY "users"."id"',
    '"users".*',
    "",
    `SELECT "users".* FROM "users" JOIN p ON true GROUP BY "users".${hidden}, "users"."id"`,
  ],
  [
    "select 'é', public.users.name from users group by id",
    "public.users.name",
    "",
    `select 'é', public.users.name from users group by public.users.${hidden}, id`,
  ],
  [
    "select name from users group by id",
    "name",
    'column "users.name" must appear in the GROUP BY clause or be used in an aggregate function',
    `select name from users group by "users".${hidden}, id`,
  ],
  [
    "select * from (select u.name from users u group by u.id) q group by q.name",
    "u.name",
    "",
    `select * from (select u.name from users u group by u.${hidden}, u.id) q group by q.name`,
  ],
  [
    "select a.x from a group by a.x union select b.y from b group by b.id order by 1",
    "b.y",
    "",
    `select a.x from a group by a.x union select b.y from b group by b.${hidden}, b.id order by 1`,
  ],
  [
    "select (select count(*) from p where p.owner = u.name) from users u group by u.id",
    "u.name",
    "",
    `select (select count(*) from p where p.owner = u.name) from users u group by u.${hidden}, u.id`,
  ],
  [
    "with x as (select 1) select u.id from users u group by u.id having max(u.name) > coalesce((u.mail), '')",
    "u.mail",
    "",
    `with x as (select 1) select u.id from users u group by u.${hidden}, u.id having max(u.name) > coalesce((u.mail), '')`,
  ],
])("%s names the rest of the key", (text, place, message, expected) => {
  expect(regrouped(text, place, message)).toBe(expected);
});

test("an error of another kind, and a statement without groups, are left alone", () => {
  expect(regrouped("select u.name from u group by u.id", "u.name", "", "42703")).toBeUndefined();
  expect(groupingOf("database", "select 1")).toBeUndefined();
  expect(
    groupingOf("database", "select u.name from u group by u.id")!.again(new Error("no")),
  ).toBeUndefined();
});

test("what was learned serves the next time, in that database", () => {
  const text = "select u.name from u group by u.id";
  const error = Object.assign(new pg.DatabaseError("", 0, "error"), { code: "42803", position: "8" });
  const first = groupingOf("one", text)!;
  expect(first).toMatchObject({ text, doubtful: true });
  const sent = first.again(error);
  first.taken();
  expect(groupingOf("one", text)).toMatchObject({ text: sent, doubtful: false });
  expect(groupingOf("other", text)).toMatchObject({ text, doubtful: true });
});

test("a refusal that stays is told after some attempts", () => {
  const grouping = groupingOf("stubborn", "select u.name from u group by u.id")!;
  let attempts = 0;
  const refusal = (text: string) =>
    Object.assign(new pg.DatabaseError("", 0, "error"), {
      code: "42803",
      position: String(text.indexOf("u.name") + 1),
    });
  for (let text: string | undefined = grouping.text; text !== undefined; attempts += 1)
    text = grouping.again(refusal(text));
  expect(attempts).toBe(2);
});
