ALTER TABLE "order" ADD "note" character varying(200);
CREATE TABLE "order_2023" PARTITION OF "order" FOR VALUES FROM ('2022-01-01') TO ('2022-06-01');
ALTER TABLE "event" ADD "at" timestamp with time zone NOT NULL DEFAULT '2024-01-01 00:00:00+00';
CREATE INDEX "IDX_event_type" ON "event" ("type", "stream");
ALTER TABLE "group" ADD CONSTRAINT "CHK_group_name" CHECK ("name" <> '');
CREATE OR REPLACE VIEW "sales" AS SELECT p."id", p."name", p."price", sum(l."quantity") AS "sold", p."rating" FROM "product" p JOIN "order_line" l ON l."productId" = p."id" GROUP BY p."id";
