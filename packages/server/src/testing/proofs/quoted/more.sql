-- As Prisma's client asks: every column named with its table, values bound, relations read one after another.
--! ["one@x", "One"]
INSERT INTO "public"."User" ("id", "email", "displayName") VALUES (501, $1, $2) RETURNING "public"."User"."id", "public"."User"."email", "public"."User"."displayName", "public"."User"."role"::text;
--! ["two@x"]
INSERT INTO "public"."User" ("id", "email", "role") VALUES (502, $1, CAST('ADMIN' AS "public"."Role")) RETURNING "public"."User"."id";
INSERT INTO "public"."User" ("id", "email") VALUES (503, 'three@x'), (504, 'four@x') ON CONFLICT DO NOTHING;
--! ["one@x", 0, 1]
SELECT "public"."User"."id", "public"."User"."email" FROM "public"."User" WHERE ("public"."User"."email" = $1 AND 1=1) LIMIT $3 OFFSET $2;
SELECT "public"."User"."id", "public"."User"."role"::text FROM "public"."User" WHERE "public"."User"."role" = CAST('ADMIN'::text AS "public"."Role") ORDER BY "public"."User"."id" ASC;
--! [501, 502, 503]
SELECT "public"."User"."email" FROM "public"."User" WHERE "public"."User"."id" IN ($1,$2,$3) ORDER BY "public"."User"."email" DESC;
INSERT INTO "public"."Post" ("id", "title", "published", "authorId", "score", "meta") VALUES ('q1', 'Q one', true, 501, 1.5, '{"a": {"b": 1}}'), ('q2', 'Q two', false, 501, 2, NULL), ('q3', 'Q three', true, 502, 0, '[]') RETURNING "id", "score", "meta";
INSERT INTO "public"."Tag" ("id", "name") VALUES (601, 'red'), (602, 'blue') RETURNING *;
INSERT INTO "public"."_PostToTag" ("A", "B") VALUES ('q1', 601), ('q1', 602), ('q2', 602) ON CONFLICT DO NOTHING;
INSERT INTO "_PostToTag" ("A", "B") VALUES ('q1', 601), ('q3', 601) ON CONFLICT ("A", "B") DO NOTHING RETURNING "A";
SELECT "_PostToTag"."A", "_PostToTag"."B" FROM "_PostToTag" WHERE "_PostToTag"."A" IN ('q1', 'q2') ORDER BY 1, 2;
SELECT "t0"."id", "t0"."title", (SELECT COALESCE(JSONB_AGG("__prisma_data__" ORDER BY "__prisma_data__"->>'id'), '[]') FROM (SELECT JSONB_BUILD_OBJECT('id', "t1"."id", 'name', "t1"."name") AS "__prisma_data__" FROM "public"."Tag" AS "t1" JOIN "_PostToTag" "j" ON "j"."B" = "t1"."id" WHERE "j"."A" = "t0"."id") AS "x") AS "tags" FROM "public"."Post" AS "t0" ORDER BY "t0"."id";
SELECT "aggr"."n", "u"."email" FROM "User" "u" LEFT JOIN (SELECT "authorId", COUNT(*) AS "n" FROM "Post" GROUP BY "authorId") AS "aggr" ON "aggr"."authorId" = "u"."id" ORDER BY COALESCE("aggr"."n", 0) DESC, "u"."id";
SELECT "u"."id", "u"."email", "u"."createdAt" IS NOT NULL AS "made", COUNT("p"."id") FROM "User" "u" LEFT JOIN "Post" "p" ON "p"."authorId" = "u"."id" GROUP BY "u"."id" ORDER BY "u"."id";
SELECT COUNT(*), SUM("score"), AVG("score"), MIN("title"), MAX("title") FROM "public"."Post" WHERE "published" = true;
SELECT "published", COUNT(*) FROM "Post" GROUP BY "published" HAVING COUNT(*) > 0 ORDER BY 1;
UPDATE "public"."Post" SET "score" = "score" + 1, "published" = true WHERE ("public"."Post"."id" = 'q2' AND 1=1) RETURNING "id", "score", "published";
UPDATE "Post" SET "authorId" = "u"."id" FROM "User" "u" WHERE "u"."email" = 'three@x' AND "Post"."id" = 'q3' RETURNING "Post"."id", "u"."email";
INSERT INTO "public"."User" ("id", "email") VALUES (505, 'one@x') ON CONFLICT ("email") DO UPDATE SET "displayName" = EXCLUDED."email" || '?' WHERE "public"."User"."email" = 'one@x' RETURNING "public"."User"."id", "public"."User"."displayName";
SELECT "meta"->'a'->>'b' AS "b" FROM "Post" WHERE ("meta"#>ARRAY['a','b']::text[])::jsonb::jsonb = '1'::jsonb;
SELECT "title" FROM "Post" WHERE "title" ILIKE '%ONE%' OR "title"::text LIKE 'Q th%' ORDER BY "title";
SELECT "id", ROW_NUMBER() OVER (PARTITION BY "authorId" ORDER BY "id") FROM "Post" ORDER BY "id";
SELECT "p".* FROM "Post" "p" WHERE EXISTS (SELECT 1 FROM "_PostToTag" "j" WHERE "j"."A" = "p"."id" AND "j"."B" = 602) ORDER BY "p"."id";
SELECT * FROM "Tag" UNION ALL SELECT "id", "email" FROM "User" ORDER BY 1;
SELECT "u"."id", "l".* FROM "User" "u" JOIN LATERAL (SELECT "title" FROM "Post" WHERE "authorId" = "u"."id" ORDER BY "id" LIMIT 1) "l" ON true ORDER BY "u"."id" FOR UPDATE OF "u";
begin;
INSERT INTO "Tag" ("id", "name") VALUES (603, 'green') RETURNING "id";
SAVEPOINT prisma_1;
INSERT INTO "Tag" ("id", "name") VALUES (604, 'green');
ROLLBACK TO SAVEPOINT prisma_1;
SELECT "t"."id", "t"."name", COUNT("j"."A") FROM "Tag" "t" LEFT JOIN "_PostToTag" "j" ON "j"."B" = "t"."id" GROUP BY "t"."id" ORDER BY 1;
commit;
begin isolation level serializable;
DELETE FROM "public"."Tag" WHERE "public"."Tag"."name" = 'green' RETURNING "id";
rollback;
SELECT "name" FROM "Tag" ORDER BY "id";
DELETE FROM "_PostToTag" USING "Tag" WHERE "Tag"."id" = "_PostToTag"."B" AND "Tag"."name" = 'blue' RETURNING "_PostToTag"."A";
WITH "gone" AS (DELETE FROM "Post" WHERE "authorId" = 501 RETURNING *) SELECT "id", "title" FROM "gone" ORDER BY 1;
DELETE FROM "User" WHERE "id" IN (501, 502, 503, 504) RETURNING "id";
DELETE FROM "Post" WHERE "id" LIKE 'q%';
DELETE FROM "User" WHERE "id" IN (501, 502, 503, 504) RETURNING "id";
DELETE FROM "Tag" WHERE "id" > 600 RETURNING *;
-- What Prisma's introspection asks.
--? hidden-column-in-catalogs
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_name = '_PostToTag' ORDER BY ordinal_position;
--? hidden-column-in-catalogs
SELECT i.relname, array_agg(a.attname ORDER BY k.n) FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k (attnum, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum WHERE t.relname = 'User' GROUP BY i.relname ORDER BY i.relname;
SELECT t.typname, e.enumlabel FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typname = 'Role' AND pg_type_is_visible(t.oid) ORDER BY e.enumsortorder;
