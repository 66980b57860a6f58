import type { TransactionOptions } from "../database/index.ts";
import { InvalidArgument } from "../errors.ts";

export type TransactionWish = Pick<TransactionOptions, "isolation" | "readOnly">;

type Verb =
  | { kind: "begin" | "set transaction"; wish: TransactionWish }
  | { kind: "commit" | "rollback" | "other" };

const beginning = /^(?:begin(?:\s+(?:work|transaction))?|start\s+transaction)\b\s*(.*)$/is;
const setting = /^set\s+transaction\s+(.*)$/is;
const committing = /^(?:commit|end)(?:\s+(?:work|transaction))?$/i;
const rollingBack = /^(?:rollback|abort)(?:\s+(?:work|transaction))?$/i;

/** What a statement means for the transaction it is in, as libraries write it. Throws for modes that there aren't. */
export function readVerb(text: string): Verb {
  const plain = text.trim().replace(/\s*;$/, "");
  const begun = beginning.exec(plain);
  if (begun) return { kind: "begin", wish: readModes(begun[1]!) };
  const set = setting.exec(plain);
  if (set) return { kind: "set transaction", wish: readModes(set[1]!) };
  if (committing.test(plain)) return { kind: "commit" };
  return { kind: rollingBack.test(plain) ? "rollback" : "other" };
}

function readModes(text: string): TransactionWish {
  const wish: TransactionWish = {};
  let rest = text
    .toLowerCase()
    .replace(/[\s,]+/g, " ")
    .trim();
  const isolation = /isolation level (serializable|repeatable read|read committed|read uncommitted)/.exec(
    rest,
  );
  if (isolation) {
    // PostgreSQL reads uncommitted as committed.
    const level = isolation[1] === "read uncommitted" ? "read committed" : isolation[1];
    wish.isolation = level as NonNullable<TransactionWish["isolation"]>;
    rest = rest.replace(isolation[0], "").trim();
  }
  const access = /read (only|write)/.exec(rest);
  if (access) {
    wish.readOnly = access[1] === "only";
    rest = rest.replace(access[0], "").trim();
  }
  if (rest !== "" && rest !== "not deferrable") {
    throw new InvalidArgument(`A transaction can't be "${rest.slice(0, 50)}" here.`);
  }
  return wish;
}
