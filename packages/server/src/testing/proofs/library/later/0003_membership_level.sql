-- AddField with a default that is dropped again, AddConstraint, AlterField to a longer text, AddIndex.
ALTER TABLE "library_membership" ADD COLUMN "level" integer DEFAULT 1 NOT NULL CHECK ("level" >= 0);
ALTER TABLE "library_membership" ADD COLUMN "joined" date DEFAULT '2024-01-01' NOT NULL;
ALTER TABLE "library_membership" ALTER COLUMN "card" TYPE varchar(30);
ALTER TABLE "library_membership" ADD CONSTRAINT "level_or_card" CHECK ("level" < 100 OR "card" <> '') NOT VALID;
ALTER TABLE "library_membership" VALIDATE CONSTRAINT "level_or_card";
CREATE UNIQUE INDEX "one_member_of_a_level_a_day" ON "library_membership" ("joined", "level") WHERE "level" > 5;
ALTER TABLE "library_review" ADD COLUMN "helpful" integer[] DEFAULT '{}' NOT NULL;
CREATE INDEX "library_review_helpful" ON "library_review" USING gin ("helpful");
