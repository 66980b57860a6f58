CREATE TYPE "public"."review_state_enum" AS ENUM('new', 'shown');
CREATE TABLE "review" ("id" uuid NOT NULL DEFAULT uuid_generate_v4(), "productId" integer NOT NULL, "userId" uuid, "stars" smallint NOT NULL, "state" "public"."review_state_enum" NOT NULL DEFAULT 'new', "text" text, CONSTRAINT "PK_2e4299a343a81574217255c00ca" PRIMARY KEY ("id"), CONSTRAINT "CHK_stars" CHECK ("stars" BETWEEN 1 AND 5));
ALTER TABLE "review" ADD CONSTRAINT "FK_review_product" FOREIGN KEY ("productId") REFERENCES "product"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE "review" ADD CONSTRAINT "FK_review_user" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE SET NULL ON UPDATE NO ACTION;
CREATE UNIQUE INDEX "IDX_review_once" ON "review" ("productId", "userId");
INSERT INTO "review" ("id", "productId", "userId", "stars") SELECT ('00000000-0000-4000-8000-' || lpad(p."id"::text, 12, '0'))::uuid, p."id", p."sellerId", 5 FROM "product" p WHERE p."price" > 800;
INSERT INTO "migrations" ("timestamp", "name") VALUES (1714550500000, 'Reviews1714550500000');
