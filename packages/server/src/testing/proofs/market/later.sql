SELECT "id", "productId", "stars", "state" FROM "review" ORDER BY "id";
SELECT "id", "rating", "slug" FROM "product" ORDER BY "id";
SELECT "p"."id", "p"."name", count(*) FROM "product" "p" JOIN "review" "r" ON "r"."productId" = "p"."id" GROUP BY "p"."id" ORDER BY 1;
SELECT * FROM "draft" ORDER BY "id";
SELECT * FROM "archive" ORDER BY "id";
SELECT * FROM "order_line" ORDER BY 1, 2, 3;
SELECT * FROM "order" ORDER BY "id";
SELECT "stream", "at" FROM "event" ORDER BY 1;
SELECT * FROM "sales" ORDER BY "id";
SELECT nextval('ticket_numbers') AS "ticket";
--? unnamed-columns
INSERT INTO "draft" VALUES (810, 'unnamed', NULL, 'me') RETURNING *;
--? unnamed-columns
DELETE FROM "draft" WHERE "id" = 810;
INSERT INTO "draft" ("id", "title", "author") VALUES (800, 'later', 'me') RETURNING *;
INSERT INTO "draft" VALUES (801, 'shorter') RETURNING *;
INSERT INTO "archive" SELECT * FROM "draft" WHERE "id" >= 800 RETURNING *;
WITH "moved" AS (DELETE FROM "draft" WHERE "id" = 801 RETURNING *) INSERT INTO "archive" ("id", "title", "note", "author") SELECT "id" + 1000, "title", "note", "author" FROM "moved" RETURNING *;
--? unnamed-columns
SELECT * FROM "archive" UNION ALL SELECT "id", "title", "note", "author" FROM "draft" WHERE "id" = 800 ORDER BY 1;
SELECT * FROM "archive" EXCEPT SELECT * FROM "draft" ORDER BY 1;
SELECT to_jsonb(d) FROM "draft" d WHERE "id" = 800;
UPDATE "product" SET "price" = "price" + 10 WHERE "id" = 1 RETURNING "version";
SELECT * FROM "price_history" ORDER BY "id", "price";
INSERT INTO "order" ("id", "userId", "placedOn", "note") VALUES (700, '00000000-0000-4000-8000-0000000000b2', '2022-02-02', 'old') RETURNING "tableoid"::regclass::text LIKE '%order_2023' AS "own";
INSERT INTO "review" ("id", "productId", "userId", "stars") VALUES (uuid_nil(), 1, NULL, 6);
INSERT INTO "review" ("id", "productId", "userId", "stars") VALUES (uuid_nil(), 999, NULL, 1);
SELECT best_sellers();
