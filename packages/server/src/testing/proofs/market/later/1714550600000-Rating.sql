ALTER TABLE "product" ADD "rating" numeric(3,2);
ALTER TABLE "product" ADD "slug" character varying GENERATED ALWAYS AS (lower(replace("name", ' ', '-'))) STORED;
UPDATE "product" SET "rating" = r."average" FROM (SELECT p."id", avg(r."stars") AS "average" FROM "product" p JOIN "review" r ON r."productId" = p."id" GROUP BY p."id") r WHERE r."id" = "product"."id";
CREATE INDEX "IDX_product_rating" ON "product" ("rating" DESC NULLS LAST) INCLUDE ("name");
ALTER TABLE "draft" ADD "author" text DEFAULT 'nobody';
ALTER TABLE "archive" ADD "author" text;
UPDATE "archive" SET "author" = "title" WHERE "note" IS NULL;
CREATE SEQUENCE "ticket_numbers" START WITH 7;
ALTER TABLE "order_line" ADD "ticket" integer NOT NULL DEFAULT nextval('ticket_numbers');
