-- A view and a function said anew, a trigger more.
CREATE OR REPLACE VIEW library_author_totals AS SELECT a.id, a.name, a.slug, count(ba.book_id) AS books, sum(b.price) AS price, max(b.language_id) AS language FROM library_author a LEFT JOIN library_book_authors ba ON ba.author_id = a.id LEFT JOIN library_book b ON b.id = ba.book_id GROUP BY a.id;
CREATE OR REPLACE FUNCTION library_book_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search := to_tsvector('simple', coalesce(NEW.title, '') || ' ' || NEW.language_id);
  RETURN NEW;
END $$;
UPDATE "library_book" SET "title" = "title";
ALTER TABLE "library_copy" ADD COLUMN "shelfmark" varchar(20) GENERATED ALWAYS AS ('C' || "number") STORED;
DROP INDEX "library_book_published_brin";
