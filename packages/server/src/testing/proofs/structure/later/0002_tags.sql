-- create_table, add_reference, execute
CREATE TABLE "tags" ("id" bigserial primary key, "name" citext NOT NULL, "topics_count" integer DEFAULT 0 NOT NULL, "created_at" timestamp(6) NOT NULL DEFAULT '2024-06-01', CONSTRAINT "tags_name_present" CHECK (char_length(name) > 0));
CREATE UNIQUE INDEX "index_tags_on_name" ON "tags" ("name");
CREATE TABLE "topic_tags" ("topic_id" bigint NOT NULL, "tag_id" bigint NOT NULL, PRIMARY KEY ("topic_id", "tag_id"), CONSTRAINT "fk_rails_tt_topic" FOREIGN KEY ("topic_id") REFERENCES "topics" ("id") ON DELETE CASCADE, CONSTRAINT "fk_rails_tt_tag" FOREIGN KEY ("tag_id") REFERENCES "tags" ("id"));
INSERT INTO tags (name) SELECT DISTINCT split_part(lower(title), ' ', 1) FROM topics ORDER BY 1;
INSERT INTO topic_tags SELECT t.id, tags.id FROM topics t JOIN tags ON tags.name = split_part(lower(t.title), ' ', 1);
UPDATE tags SET topics_count = (SELECT count(*) FROM topic_tags WHERE tag_id = tags.id);
INSERT INTO "schema_migrations" (version) VALUES ('20240601100000');
