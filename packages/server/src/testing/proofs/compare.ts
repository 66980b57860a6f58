import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { Answer } from "./play.ts";

/** Which differences the documentation names, and at which levels. */
export type Documented = ReadonlyMap<string, readonly string[]>;

export async function documentedDifferences(): Promise<Documented> {
  const text = await readFile(
    new URL("../../../../../docs/reference/level-differences.md", import.meta.url),
    "utf8",
  );
  const rows = text.matchAll(/^\| `([\w-]+)` \| ([^|]+) \|/gm);
  return new Map(
    [...rows].map(([, name, levels]) => [
      name!,
      [...levels!.matchAll(/`(\w+)`/g)].map(([, level]) => level!),
    ]),
  );
}

type Told = { code?: string; detail?: string | undefined; rows?: unknown[][] };

/** Rows come in no order unless it is asked for. */
function ordered(statement: string, answer: unknown): unknown {
  const { rows } = answer as Told;
  if (!rows || /^(select|with|table|fetch)\b[\s\S]*\border\s+by\b/i.test(statement)) return answer;
  return { ...(answer as object), rows: rows.map((row) => JSON.stringify(row)).sort() };
}

/** Row-level security keeps PostgreSQL from telling the values of a key that was violated. */
const keyDetails = "details-of-violations";

/**
 * What a level answers otherwise than a database of one's own, but for what the documentation says; and which of the
 * documented differences were met.
 */
export function compareAnswers(
  documented: Documented,
  level: string,
  expected: readonly Answer[],
  answers: readonly Answer[],
): { unlike: unknown[]; met: string[] } {
  const met: string[] = [];
  const unlike = answers.flatMap(({ statement, difference, answer }, index): object[] => {
    const wanted = expected[index];
    const same = isDeepStrictEqual(ordered(statement, wanted?.answer ?? {}), ordered(statement, answer));
    const allowed = (name: string): boolean => documented.get(name)?.includes(level) ?? false;
    if (wanted?.statement === statement && same) {
      if (difference === undefined || !allowed(difference)) return [];
      return [{ level, statement, problem: `It is said to show ${difference}, and shows no difference.` }];
    }
    if (difference !== undefined && allowed(difference)) {
      met.push(difference);
      return [];
    }
    const [own, other] = [wanted?.answer as Told, answer as Told];
    if (/^(23|44)/.test(own?.code ?? "") && allowed(keyDetails)) {
      if (isDeepStrictEqual({ ...own, detail: other.detail }, other) && !other.detail?.includes("(")) {
        met.push(keyDetails);
        return [];
      }
    }
    return [{ level, statement, expected: wanted?.answer, answer }];
  });
  return { unlike, met };
}
