-- Add field language to book, with choices from a table that is filled first: AddField, RunPython, AlterField.
CREATE TABLE "library_language" ("code" varchar(5) NOT NULL PRIMARY KEY, "name" varchar(60) NOT NULL, "native" varchar(60) DEFAULT '' NOT NULL);
CREATE INDEX "library_language_code_5f2c_like" ON "library_language" ("code" varchar_pattern_ops);
INSERT INTO "library_language" ("code", "name") VALUES ('en', 'English'), ('fr', 'French'), ('de', 'German');
ALTER TABLE "library_book" ADD COLUMN "language_id" varchar(5) NULL CONSTRAINT "library_book_language_id_7d1e_fk_library_language_code" REFERENCES "library_language"("code") DEFERRABLE INITIALLY DEFERRED;
SET CONSTRAINTS "library_book_language_id_7d1e_fk_library_language_code" IMMEDIATE;
UPDATE "library_book" SET "language_id" = CASE WHEN "title" LIKE 'Le %' THEN 'fr' ELSE 'en' END;
ALTER TABLE "library_book" ALTER COLUMN "language_id" SET DEFAULT 'en';
ALTER TABLE "library_book" ALTER COLUMN "language_id" SET NOT NULL;
CREATE INDEX "library_book_language_id_7d1e" ON "library_book" ("language_id");
INSERT INTO "django_migrations" ("app", "name", "applied") VALUES ('library', '0002_book_language', '2024-06-01 10:00:00+00');
