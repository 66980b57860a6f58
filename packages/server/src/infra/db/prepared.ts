import type pg from "pg";
import { databaseErrorCode } from "./errors.ts";

/** Statements known at most: those whose text is composed anew each time mustn't fill the server's memory. */
const mostStatements = 1_000;

/** Names for statements that are sent again and again, the same on every connection. */
export type StatementNames = {
  /** None for one that is sent for the first time: most of those aren't sent again soon. */
  nameOf(text: string): string | undefined;
  /** Never names it again. */
  refuse(text: string): void;
};

export function createStatementNames(): StatementNames {
  const names = new Map<string, string>();
  const refused = new Set<string>();
  const sentOnce = new Set<string>();
  return {
    nameOf(text) {
      const known = names.get(text);
      if (known !== undefined) return known;
      if (names.size >= mostStatements || refused.has(text)) return undefined;
      if (!sentOnce.delete(text)) {
        if (sentOnce.size >= mostStatements) sentOnce.clear();
        sentOnce.add(text);
        return undefined;
      }
      const name = `tenantry_${names.size + refused.size}`;
      names.set(text, name);
      return name;
    },
    refuse(text) {
      if (names.delete(text)) refused.add(text);
    },
  };
}

type Query = { text: string; values: unknown[]; name: string | undefined };
type Send = (query: Query) => Promise<pg.QueryResult>;

const nothingDone = { command: "", rowCount: null, oid: 0, fields: [], rows: [] } satisfies pg.QueryResult;

/**
 * Has a connection in pipeline mode prepare what it sends often, so that the server doesn't parse and plan it each time
 * (half of what small statements cost it), and send a transaction's beginning together with its first statement: a
 * journey less. Understands only Kysely's calls: a text with values, one after another.
 */
export function prepareStatements(client: pg.PoolClient, names: StatementNames): void {
  const send = client.query.bind(client) as unknown as Send;
  let beginning: string | undefined;

  async function sendNamed(text: string, values: unknown[]): Promise<pg.QueryResult> {
    const name = values.length > 0 ? names.nameOf(text) : undefined;
    try {
      return await send({ text, values, name });
    } catch (error) {
      // "Cached plan must not change result type": a migration changed a column's type meanwhile.
      if (name !== undefined && databaseErrorCode(error) === "0A000") names.refuse(text);
      throw error;
    }
  }

  async function query(text: string, values: unknown[]): Promise<pg.QueryResult> {
    if (/^(begin|start transaction)\b/.test(text)) {
      beginning = text;
      return nothingDone;
    }
    if (beginning === undefined) return sendNamed(text, values);
    const begun = { text: beginning, values: [], name: undefined };
    beginning = undefined;
    if (text === "commit" || text === "rollback") return { ...nothingDone, command: text.toUpperCase() };
    const [, result] = await Promise.all([send(begun), sendNamed(text, values)]);
    return result;
  }

  Object.assign(client, { query });
}
