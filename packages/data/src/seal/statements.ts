import { InvalidArgument } from "../errors.ts";
import { lengthOf, remembered } from "./remembered.ts";
import { tokensOf } from "./tokens.ts";

/** What a lone word at the beginning may be. The rest changes what all tenants share, or what the next one meets. */
const allowed = new Set([
  ...["select", "insert", "update", "delete", "merge", "with", "values", "table"],
  ...["explain", "show", "call", "set", "savepoint", "release", "rollback"],
  ...["declare", "fetch", "move", "close"],
  // Refused elsewhere, with better words.
  ...["begin", "start", "commit", "end", "abort"],
]);

/**
 * A statement of an application, ready for tables whose every key has the hidden column in front. Throws
 * `InvalidArgument` for statements that the level `shared` has no place for. This is for convenience and order: what a
 * statement may reach is the database's to decide.
 */
export const sharedStatement = remembered(rewrite, { max: 2_000, maxSize: 4_000_000, sizeOf: lengthOf });

function rewrite(text: string): string {
  const tokens = tokensOf(text);
  const first = tokens.find(({ text: token }) => token !== "(");
  const word = first?.text.toLowerCase() ?? "";
  if (first && !allowed.has(word)) {
    throw new InvalidArgument(
      `${first.text.slice(0, 30).toUpperCase()} isn't available at the level "shared".`,
    );
  }
  let result = "";
  let copied = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text !== "(" || !isWord(tokens[index - 1], "conflict") || !isWord(tokens[index - 2], "on"))
      continue;
    if (!isConflictTarget(tokens, index)) continue;
    const end = token.offset + 1;
    result += `${text.slice(copied, end)}tenantry_environment, `;
    copied = end;
  }
  return result + text.slice(copied);
}

type Tokens = ReturnType<typeof tokensOf>;

function isWord(token: Tokens[number] | undefined, word: string): boolean {
  return token?.text.toLowerCase() === word;
}

/** `on conflict (…)` in an INSERT goes on with DO or WHERE; a join's condition may be a function of that name. */
function isConflictTarget(tokens: Tokens, open: number): boolean {
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    if (tokens[index]!.text === "(") depth += 1;
    else if (tokens[index]!.text === ")") depth -= 1;
    if (depth > 0) continue;
    const next = tokens[index + 1];
    return isWord(next, "do") || isWord(next, "where");
  }
  return false;
}
