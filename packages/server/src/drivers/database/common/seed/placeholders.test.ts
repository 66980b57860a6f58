import { expect, it } from "vitest";
import { bindPlaceholders, PlaceholderMisplaced } from "./placeholders.ts";

const known = { "tenant.name": "'); drop table pages; --", "tenant.plan": null };

it("a placeholder becomes a parameter, and nothing of its value a part of the statement", () => {
  const text =
    "insert into a values ({{ tenant.name }}, {{tenant.plan}}, '{{ other }}') -- {{ tenant.name }}";
  const bound = bindPlaceholders(text, known);
  expect(bound.values).toEqual([known["tenant.name"], null]);
  expect(bound.text).toMatch(/values \(\$1::text +, \$2::text +, '\{\{ other \}\}'\) --/);
  expect(bound.text.length).toBe(text.length);
});

it("a statement without any stays as it is", () => {
  const text = "select '{}'::jsonb, array[1], $${ {$$";
  expect(bindPlaceholders(text, known)).toEqual({ text, values: [] });
});

it.each([
  ["one within quotes", "select 'Hello {{ tenant.name }}'", 14, /\|\|/],
  ["one within dollar quotes", "select $x$ {{ tenant.name }} $x$", 11, /\|\|/],
  ["one within a name", 'select "{{ tenant.name }}"', 8, /\|\|/],
  ["one that nobody knows", "select {{ tenant.colour }}", 7, /there are tenant\.name/],
])("%s is refused, with its place", (_what, text, offset, message) => {
  const refused = expect(() => bindPlaceholders(text, known));
  refused.toThrow(PlaceholderMisplaced);
  refused.toThrow(expect.objectContaining({ offset, message: expect.stringMatching(message) }));
});
