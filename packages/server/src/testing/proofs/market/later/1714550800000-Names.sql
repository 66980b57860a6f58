-- tenantry: contract
ALTER TABLE "product_history" RENAME TO "price_history";
ALTER TABLE "price_history" RENAME COLUMN "changed" TO "Änderung";
CREATE OR REPLACE FUNCTION "keep_history"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."price" IS DISTINCT FROM OLD."price" THEN
    INSERT INTO "price_history" VALUES (OLD."id", OLD."name", OLD."price", NEW."version");
  END IF;
  NEW."version" := OLD."version" + 1;
  RETURN NEW;
END $$;
ALTER TABLE "user" ALTER COLUMN "email" TYPE text;
DROP FUNCTION "best_sellers"();
ALTER TABLE "category_closure" DROP CONSTRAINT "FK_6a22002acac4976977b1efd114a";
