import { tokensOf } from "../home.ts";
import { id } from "../quote.ts";
import { withCounters } from "./counters.ts";
import { hiddenColumn } from "./hidden-column.ts";

/** `nextval('numbers')`, as it is written by hand, becomes what PostgreSQL makes of it. */
export function withCasts(text: string): string {
  return text.replace(/\bnextval\s*\(\s*('(?:[^']|'')+')\s*\)/gi, "nextval($1::regclass)");
}

/** The columns of a conflict within one environment. */
export function withConflictTargets(body: string): string {
  const parts = tokensOf(body);
  const words = significant(parts);
  for (let at = 2; at < words.length; at += 1) {
    const [on, conflict, opening] = [words[at - 2]!, words[at - 1]!, words[at]!];
    if (on.word === "on" && conflict.word === "conflict" && opening.word === "(") {
      parts[opening.index] = `(${id(hiddenColumn)}, `;
    }
  }
  return parts.join("");
}

/** What isn't blank or a comment, in lower case, with where it stands. */
export function significant(parts: readonly string[]): { word: string; index: number }[] {
  return parts.flatMap((part, index) => {
    const skip = /^(\s|--|\/\*)/.test(part);
    return skip ? [] : [{ word: part.toLowerCase(), index }];
  });
}

/** Calls in a body that work with sequences, which aren't there; where the next number is asked of a named one, it is had. */
export function sequenceCalls(body: string): string[] {
  const words = significant(tokensOf(withCounters(withCasts(body))));
  const found = words.filter(
    ({ word }, at) => /^(nextval|currval|setval|lastval)$/.test(word) && words[at + 1]?.word === "(",
  );
  return [...new Set(found.map(({ word }) => word))];
}

/** Whether a body takes whole rows, in which the hidden column is one more. */
export function takesWholeRows(body: string): boolean {
  const words = significant(tokensOf(body));
  return words.some(({ word }, at) => {
    const next = words[at + 1]?.word;
    return (
      ((word === "select" || word === "returning") && next === "*") || /^(to_jsonb?|row_to_json)$/.test(word)
    );
  });
}
