/**
 * What an object-relational mapper sends, parameters and all, recorded from Prisma 7 with its adapter for `pg`: every name
 * with its schema, every column by its name. The last ones name what can't be the same at the level `shared`.
 */
export const ormSchema = `
  create table "User" (id serial primary key, email text not null unique, name text);
  create table "Post" (id text primary key, title text not null,
    "authorId" int not null references "User" on update cascade on delete restrict);`;

type Sent = [text: string, values: unknown[]];

const user = '"public"."User"."id", "public"."User"."email", "public"."User"."name"';

const everywhere: Sent[] = [
  [`INSERT INTO "public"."User" ("email","name") VALUES ($1,$2) RETURNING ${user}`, ["a@x", "A"]],
  [
    'INSERT INTO "public"."User" ("email") VALUES ($1), ($2), ($3) ON CONFLICT DO NOTHING',
    ["b@x", "b@x", "c@x"],
  ],
  ["BEGIN", []],
  ['INSERT INTO "public"."User" ("email") VALUES ($1) RETURNING "public"."User"."id"', ["d@x"]],
  [
    'INSERT INTO "public"."Post" ("id","title","authorId") VALUES ($1,$2,$3), ($4,$5,$6)',
    ["p1", "One", 1, "p2", "Two", 1],
  ],
  [`SELECT ${user} FROM "public"."User" WHERE "public"."User"."id" = $1 LIMIT $2 OFFSET $3`, [1, "1", "0"]],
  ["COMMIT", []],
  [
    `SELECT ${user} FROM "public"."User" WHERE NOT EXISTS(SELECT "t0"."authorId" FROM "public"."Post" AS "t0"
       WHERE (1=1 AND ("public"."User"."id") = ("t0"."authorId") AND "t0"."authorId" IS NOT NULL))
       ORDER BY "public"."User"."id" ASC OFFSET $1`,
    ["0"],
  ],
  [
    `UPDATE "public"."User" SET "name" = $1 WHERE ("public"."User"."email" = $2 AND 1=1) RETURNING ${user}`,
    ["AA", "a@x"],
  ],
  [
    `SELECT COUNT(*) AS "_count$_all", "public"."Post"."authorId" FROM "public"."Post" WHERE 1=1
       GROUP BY "public"."Post"."authorId" OFFSET $1`,
    ["0"],
  ],
  ['DELETE FROM "public"."Post" WHERE "public"."Post"."title" = $1', ["Two"]],
  [
    `MERGE INTO "public"."User" USING (VALUES ($1, $2)) AS given (email, name) ON "User".email = given.email
       WHEN MATCHED THEN UPDATE SET name = given.name WHEN NOT MATCHED THEN INSERT (email, name) VALUES (given.email, given.name)`,
    ["a@x", "merged"],
  ],
  [
    `INSERT INTO "public"."User" ("email","name") VALUES ($1,$2) ON CONFLICT ON CONSTRAINT "User_email_key"
       DO UPDATE SET "name" = excluded."name" RETURNING ${user}`,
    ["a@x", "by constraint"],
  ],
  [`INSERT INTO "public"."User" ("email") VALUES ($1) RETURNING ${user}`, ["a@x"]],
];

/** An upsert by its columns: at the level `shared` the unique index has one column more. */
const notShared: Sent[] = [
  [
    `INSERT INTO "public"."User" ("email","name") VALUES ($1,$2) ON CONFLICT ("email") DO UPDATE SET "name" = $3 RETURNING ${user}`,
    ["a@x", "1", "2"],
  ],
];

const inSchema =
  (schema: string) =>
  ([text, values]: Sent): Sent => [text.replaceAll('"public".', `"${schema}".`), values];

export const ormStatements = (schema: string): Sent[] => everywhere.map(inSchema(schema));
export const upsertsByColumn = (schema: string): Sent[] => notShared.map(inSchema(schema));
