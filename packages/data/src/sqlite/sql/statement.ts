import type { Node } from "@pgsql/types";
import { insert, remove, update } from "./change.ts";
import { expression } from "./expression.ts";
import type { Schema } from "./model.ts";
import { parseStatements } from "./parse.ts";
import { name } from "./quote.ts";
import { Refusal, unsupported, wordsOf, wrong } from "./refusal.ts";
import { query } from "./select.ts";
import { newTranslation, type Query, type Slot, type Translation, type Translators } from "./translation.ts";

/** A statement of the application, as SQLite takes it. */
export type Translated = {
  sql: string;
  /** What it gives back; undefined when nothing. */
  columns: Query["columns"] | undefined;
  slots: readonly Slot[];
  /** PostgreSQL's word for what was done. */
  command: string;
  /** Changes nothing. */
  reads: boolean;
  /** How many values it takes. */
  parameters: number;
  savepoint?: "set" | "release" | "roll back";
};

export const translators: Translators = { expression, query };

/** Translates one statement. Throws `Refusal`. `loadParser` first. */
export function translateStatement(schema: Schema, text: string): Translated {
  return guarded(() => {
    const statements = parseStatements(text);
    if (statements.length > 1)
      throw wrong("42601", "cannot insert multiple commands into a prepared statement");
    if (statements.length === 0) throw wrong("42601", "The statement is empty.");
    return translate(newTranslation(schema, translators), statements[0]!.node);
  });
}

/** What is nested too deeply for the stack is refused, not a failure of ours. */
export function guarded<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal("54001", "The statement is nested too deeply.");
    throw error;
  }
}

function translate(t: Translation, node: Node): Translated {
  if ("SelectStmt" in node) {
    const { sql, columns } = t.query(undefined, node);
    return finished(t, "SELECT", { sql, columns }, true);
  }
  if ("InsertStmt" in node) return finished(t, "INSERT", insert(t, node.InsertStmt), false);
  if ("UpdateStmt" in node) return finished(t, "UPDATE", update(t, node.UpdateStmt), false);
  if ("DeleteStmt" in node) return finished(t, "DELETE", remove(t, node.DeleteStmt), false);
  if ("VariableShowStmt" in node) return show(t, node.VariableShowStmt.name ?? "");
  if ("TransactionStmt" in node) return savepoint(t, node.TransactionStmt);
  throw refusalOf(node);
}

function finished(
  t: Translation,
  command: string,
  { sql, columns }: { sql: string; columns: Query["columns"] | undefined },
  reads: boolean,
): Translated {
  for (const column of columns ?? []) {
    if (column.type.name === "interval" || column.type.name === "record") {
      throw unsupported(
        `An output of type ${column.type.name}`,
        undefined,
        "Ask for a number: extract(epoch from …).",
      );
    }
  }
  const parameters = t.slots.reduce(
    (most, slot) => ("parameter" in slot ? Math.max(most, slot.parameter) : most),
    0,
  );
  return { sql, columns, slots: t.slots, command, reads, parameters };
}

/** Of all settings there is one that programs ask for. */
function show(t: Translation, setting: string): Translated {
  if (setting !== "transaction_isolation") throw unsupported(`SHOW ${setting}`);
  t.slots.push({ isolation: true });
  return finished(
    t,
    "SHOW",
    { sql: "select ?1", columns: [{ name: setting, type: { name: "text" } }] },
    true,
  );
}

function savepoint(
  t: Translation,
  node: Extract<Node, { TransactionStmt: unknown }>["TransactionStmt"],
): Translated {
  const given = name(`s ${node.savepoint_name ?? ""}`);
  switch (node.kind) {
    case "TRANS_STMT_SAVEPOINT":
      return {
        ...finished(t, "SAVEPOINT", { sql: `savepoint ${given}`, columns: undefined }, true),
        savepoint: "set",
      };
    case "TRANS_STMT_RELEASE":
      return {
        ...finished(t, "RELEASE", { sql: `release ${given}`, columns: undefined }, true),
        savepoint: "release",
      };
    case "TRANS_STMT_ROLLBACK_TO":
      return {
        ...finished(t, "ROLLBACK", { sql: `rollback to ${given}`, columns: undefined }, true),
        savepoint: "roll back",
      };
    default:
      throw new TransactionStatement();
  }
}

/** BEGIN, COMMIT and ROLLBACK belong to `transaction()`. */
export class TransactionStatement extends Error {}

const defining =
  /^(Create|Alter|Drop|Index|View|Rename|Comment|Grant|Define|Reassign|Refresh|Truncate|Cluster|Vacuum|Reindex|Security)/;

function refusalOf(node: Node): Refusal {
  const [kind, part] = Object.entries(node)[0]!;
  if (kind === "TruncateStmt") return unsupported("TRUNCATE", undefined, "Use DELETE.");
  if (defining.test(kind)) {
    return new Refusal(
      "42501",
      "permission denied: the schema changes by the application's migrations alone.",
    );
  }
  return unsupported(wordsOf(kind, part));
}
