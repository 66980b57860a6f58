import { expect, test } from "vitest";
import { schemaStatement } from "./schema-statement.ts";

test.each([
  ['SELECT "public"."notes"."id" FROM "public"."notes"', 'SELECT "notes"."id" FROM "notes"'],
  ["insert into public.notes values ($1::public.mood)", "insert into notes values ($1::mood)"],
  ["select PUBLIC . notes.id from public /* here */ . notes", "select notes.id from notes"],
  [
    "select 'public.notes'::regclass, nextval('public.\"Numbers\"')",
    "select 'notes'::regclass, nextval('\"Numbers\"')",
  ],
  [
    "do $x$ begin update public.notes set a = 'public.b'; end $x$",
    "do $x$ begin update notes set a = 'public.b'; end $x$",
  ],
  ["SET search_path TO public", "SET search_path TO default"],
  ['set local search_path = "$user", public, pg_catalog;', "set local search_path = default"],
  ["select public.similarity(a, b)", "select similarity(a, b)"],
])("%s leaves the schema out", (text, expected) => {
  expect(schemaStatement(text)).toBe(expected);
});

test.each([
  "select 'public.notes', lower('public.notes'), 'public.notes'::text",
  "select $$public.notes$$, E'public.\\'notes'",
  "select public from notes",
  "select notes.public.x from notes",
  'select "Public"."notes" from publication.notes',
  "-- public.notes\nselect 1",
  "select public.",
  "select public.id from notes as public",
  "set search_path to shop, public",
  "set x.public = 'a'",
  "grant select on notes to public",
])("%s is left as it is", (text) => {
  expect(schemaStatement(text)).toBe(text);
});
