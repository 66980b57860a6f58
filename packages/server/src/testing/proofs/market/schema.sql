-- As TypeORM's migrations write them, by someone who uses all that PostgreSQL has: keys named by hash, camel case, reserved and
-- foreign words, names as long as they may be, partitions of every kind, a materialized view, triggers that keep history.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE TABLE "migrations" ("id" SERIAL NOT NULL, "timestamp" bigint NOT NULL, "name" character varying NOT NULL, CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY ("id"));
CREATE TYPE "public"."user_role_enum" AS ENUM('buyer', 'seller', 'Größter "Verkäufer"');
CREATE TYPE "public"."order_status_enum" AS ENUM('open', 'paid', 'sent');
CREATE DOMAIN "public"."Währung" AS character(3) DEFAULT 'EUR' CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE TYPE "public"."adresse" AS ("straße" text, "ort" text);
CREATE SEQUENCE "public"."invoice_numbers" START WITH 100 INCREMENT BY 10;
CREATE TABLE "user" ("id" uuid NOT NULL DEFAULT uuid_generate_v4(), "email" character varying NOT NULL, "role" "public"."user_role_enum" NOT NULL DEFAULT 'buyer', "createdAt" TIMESTAMP NOT NULL DEFAULT '2024-01-01T00:00:00', "deletedAt" TIMESTAMP, "managerId" uuid, "roles" text array NOT NULL DEFAULT '{}', "adresse" "public"."adresse", CONSTRAINT "UQ_e12875dfb3b1d92d7d7c5377e22" UNIQUE ("email"), CONSTRAINT "PK_cace4a159ff9f2512dd42373760" PRIMARY KEY ("id"));
CREATE TABLE "group" ("id" SERIAL NOT NULL, "name" character varying(40) NOT NULL, CONSTRAINT "PK_256aa0fda9b1de1a73ee0b7106b" PRIMARY KEY ("id"), CONSTRAINT "UQ_8a45300fd825918f3b40195fbdc" UNIQUE ("name") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "user_groups_group" ("userId" uuid NOT NULL, "groupId" integer NOT NULL, CONSTRAINT "PK_31e541c93fdc0bb63cfde6549aa" PRIMARY KEY ("userId", "groupId"));
CREATE INDEX "IDX_84ff6a520aee2bf2512c01cf46" ON "user_groups_group" ("userId");
CREATE TABLE "category" ("id" SERIAL NOT NULL, "name" character varying NOT NULL, "mpath" character varying DEFAULT '', "parentId" integer, CONSTRAINT "PK_9c4e4a89e3674fc9f382d733f03" PRIMARY KEY ("id"));
CREATE TABLE "category_closure" ("id_ancestor" integer NOT NULL, "id_descendant" integer NOT NULL, CONSTRAINT "PK_8da8666fc72217687e9b4f4c7e9" PRIMARY KEY ("id_ancestor", "id_descendant"));
CREATE TABLE "product" ("id" SERIAL NOT NULL, "name" character varying NOT NULL, "Größe" numeric(10,2), "attributes" jsonb NOT NULL DEFAULT '{}', "price" integer NOT NULL, "währung" "public"."Währung" NOT NULL, "categoryId" integer, "sellerId" uuid NOT NULL, "gross" integer GENERATED ALWAYS AS ("price" * 119 / 100) STORED, "this_column_has_a_name_as_long_as_names_may_be_in_postgresql_123" integer, "select" boolean NOT NULL DEFAULT true, "version" integer NOT NULL DEFAULT 1, CONSTRAINT "CHK_price_positive" CHECK ("price" > 0), CONSTRAINT "PK_bebc9158e480b949565b4dc7a82" PRIMARY KEY ("id"));
CREATE UNIQUE INDEX "IDX_product_name_per_seller" ON "product" ("sellerId", lower("name")) WHERE "select";
CREATE INDEX "IDX_product_attributes" ON "product" USING gin ("attributes");
CREATE TABLE "order" ("id" BIGSERIAL NOT NULL, "number" bigint NOT NULL DEFAULT nextval('"public"."invoice_numbers"'), "userId" uuid NOT NULL, "status" "public"."order_status_enum" NOT NULL DEFAULT 'open', "placedOn" date NOT NULL, "total" integer NOT NULL DEFAULT 0, CONSTRAINT "PK_1031171c13130102495201e3e20" PRIMARY KEY ("id", "placedOn")) PARTITION BY RANGE ("placedOn");
CREATE TABLE "order_2024" PARTITION OF "order" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY RANGE ("placedOn");
CREATE TABLE "order_2024_h1" PARTITION OF "order_2024" FOR VALUES FROM (MINVALUE) TO ('2024-07-01');
CREATE TABLE "order_2024_h2" PARTITION OF "order_2024" DEFAULT;
CREATE TABLE "order_rest" PARTITION OF "order" DEFAULT;
CREATE INDEX "IDX_order_user" ON "order" ("userId", "placedOn" DESC);
CREATE TABLE "event" ("id" uuid NOT NULL DEFAULT uuid_generate_v4(), "stream" integer NOT NULL, "type" text NOT NULL, "body" jsonb NOT NULL, PRIMARY KEY ("stream", "id")) PARTITION BY HASH ("stream");
CREATE TABLE "event_0" PARTITION OF "event" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "event_1" PARTITION OF "event" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE "order_line" ("orderId" bigint NOT NULL, "orderDate" date NOT NULL, "position" smallint NOT NULL, "productId" integer NOT NULL, "quantity" integer NOT NULL DEFAULT 1, CONSTRAINT "PK_order_line" PRIMARY KEY ("orderId", "orderDate", "position"));
CREATE TABLE "product_history" ("id" integer NOT NULL, "name" character varying NOT NULL, "price" integer NOT NULL, "changed" integer NOT NULL);
CREATE TABLE "draft" ("id" SERIAL PRIMARY KEY, "title" text NOT NULL, "note" text);
CREATE TABLE "archive" ("id" integer PRIMARY KEY, "title" text NOT NULL, "note" text);
ALTER TABLE "user" ADD CONSTRAINT "FK_user_manager" FOREIGN KEY ("managerId") REFERENCES "user"("id") ON DELETE SET NULL ON UPDATE NO ACTION;
ALTER TABLE "user_groups_group" ADD CONSTRAINT "FK_84ff6a520aee2bf2512c01cf462" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "user_groups_group" ADD CONSTRAINT "FK_8abdfe8f9d78a4f5e821dbf6203" FOREIGN KEY ("groupId") REFERENCES "group"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "category" ADD CONSTRAINT "FK_d5456fd7e4c4866fec8ada1fa10" FOREIGN KEY ("parentId") REFERENCES "category"("id") ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE "category_closure" ADD CONSTRAINT "FK_4aa1348fc4b7da9bef0fae8ff48" FOREIGN KEY ("id_ancestor") REFERENCES "category"("id") ON DELETE CASCADE;
ALTER TABLE "category_closure" ADD CONSTRAINT "FK_6a22002acac4976977b1efd114a" FOREIGN KEY ("id_descendant") REFERENCES "category"("id") ON DELETE CASCADE;
ALTER TABLE "product" ADD CONSTRAINT "FK_ff0c0301a95e517153df97f6812" FOREIGN KEY ("categoryId") REFERENCES "category"("id") ON DELETE SET DEFAULT;
ALTER TABLE "product" ADD CONSTRAINT "FK_d5cac481d22dacaf4d53f900a3f" FOREIGN KEY ("sellerId") REFERENCES "user"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;
ALTER TABLE "order" ADD CONSTRAINT "FK_caabe91507b3379c7ba73637b84" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE NO ACTION;
ALTER TABLE "order_line" ADD CONSTRAINT "FK_order_line_order" FOREIGN KEY ("orderId", "orderDate") REFERENCES "order"("id", "placedOn") ON DELETE CASCADE;
ALTER TABLE "order_line" ADD CONSTRAINT "FK_order_line_product" FOREIGN KEY ("productId") REFERENCES "product"("id");
CREATE VIEW "product_in_category" AS SELECT "product"."id" AS "id", "product"."name" AS "name", "category"."name" AS "category" FROM "product" "product" LEFT JOIN "category" "category" ON "product"."categoryId" = "category"."id";
CREATE VIEW "cheap_product" WITH (security_invoker = true) AS SELECT * FROM "product" WHERE "price" < 1000 WITH LOCAL CHECK OPTION;
CREATE VIEW "sales" AS SELECT p."id", p."name", p."price", sum(l."quantity") AS "sold" FROM "product" p JOIN "order_line" l ON l."productId" = p."id" GROUP BY p."id";
-- not at shared {
CREATE MATERIALIZED VIEW "top_product" AS SELECT "productId", sum("quantity") AS "sold" FROM "order_line" GROUP BY "productId" WITH NO DATA;
CREATE UNIQUE INDEX "IDX_top_product" ON "top_product" ("productId");
REFRESH MATERIALIZED VIEW "top_product";
-- }
CREATE FUNCTION "keep_history"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before "product"%ROWTYPE;
BEGIN
  before := OLD;
  IF NEW."price" IS DISTINCT FROM before."price" THEN
    INSERT INTO "product_history" SELECT before."id", before."name", before."price", NEW."version";
  END IF;
  NEW."version" := before."version" + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER "product_history" BEFORE UPDATE ON "product" FOR EACH ROW EXECUTE FUNCTION "keep_history"();
CREATE FUNCTION "sum_order"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE "order" o SET "total" = (SELECT coalesce(sum(p."gross" * l."quantity"), 0) FROM "order_line" l JOIN "product" p ON p."id" = l."productId" WHERE l."orderId" = o."id")
    WHERE o."id" IN (SELECT "orderId" FROM changed);
  RETURN NULL;
END $$;
CREATE TRIGGER "sum_order" AFTER INSERT ON "order_line" REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "sum_order"();
CREATE FUNCTION "products_of"("seller" uuid) RETURNS SETOF "product" LANGUAGE sql STABLE AS $$ SELECT * FROM "product" WHERE "sellerId" = seller ORDER BY "id" $$;
CREATE FUNCTION "label_of"(p "product") RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT p."name" || ' (' || p."id" || ')' $$;
CREATE FUNCTION "next_invoice"() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('invoice_numbers') $$;
CREATE FUNCTION "best_sellers"() RETURNS TABLE ("id" uuid, "email" character varying, "n" bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY SELECT u."id", u."email", count(*) FROM "user" u JOIN "product" p ON p."sellerId" = u."id" GROUP BY u."id" ORDER BY 3 DESC, 2;
END $$;
CREATE PROCEDURE "rename_group"("old" text, "new" text) LANGUAGE sql BEGIN ATOMIC UPDATE "group" SET "name" = "new" WHERE "name" = "old"; END;
INSERT INTO "migrations" ("timestamp", "name") VALUES (1714550400000, 'Init1714550400000');
INSERT INTO "group" ("name") VALUES ('staff'), ('guests');
