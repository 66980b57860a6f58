import pg from "pg";
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

type Statement = { text: string; values: unknown[]; name?: string | undefined };

/** What pg keeps inside: how messages are sent, and which statements the server has prepared. */
type Wire = {
  parsedStatements: Record<string, string | undefined>;
  parse(message: { text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
};

/** A statement with the beginning of its transaction before it: when that fails, the server skips the statement. */
class FirstStatement extends pg.Query {
  readonly #beginning: string;

  /** `done` gets two answers, the last of which is the statement's. */
  constructor(
    beginning: string,
    statement: Statement,
    done: (error: Error | undefined, answers: pg.QueryResult[]) => void,
  ) {
    super(statement as pg.QueryConfig, done as never);
    this.#beginning = beginning;
  }

  /** Called by pg. */
  prepare(wire: Wire): void {
    wire.parse({ text: this.#beginning });
    wire.bind({});
    wire.execute({});
    (pg.Query.prototype as unknown as { prepare(wire: Wire): void }).prepare.call(this, wire);
  }
}

const nothingDone = { command: "", rowCount: null, oid: 0, fields: [], rows: [] } satisfies pg.QueryResult;

/**
 * Has a connection prepare what it sends often, so that the server doesn't parse and plan it each time (half of what
 * small statements cost it), and send a transaction's beginning together with its first statement: a journey less.
 * Understands only Kysely's calls: a text with values, one after another.
 */
export function prepareStatements(client: pg.PoolClient, names: StatementNames): void {
  const send = client.query.bind(client) as unknown as (statement: Statement) => Promise<pg.QueryResult>;
  const submit = client.query.bind(client) as unknown as (statement: FirstStatement) => void;
  const { connection: wire } = client as unknown as { connection: Wire };
  let beginning: string | undefined;

  async function begin(text: string, statement: Statement): Promise<pg.QueryResult> {
    const { name } = statement;
    // pg takes the answer to the first message for that to the statement's own, so that one has to be over.
    if (name === undefined || wire.parsedStatements[name] === undefined) {
      await send({ text, values: [] });
      return send(statement);
    }
    const { promise, resolve, reject } = Promise.withResolvers<pg.QueryResult[]>();
    const first = new FirstStatement(text, statement, (error, answers) =>
      error ? reject(error) : resolve(answers),
    );
    submit(first);
    return (await promise).at(-1)!;
  }

  async function query(text: string, values: unknown[]): Promise<pg.QueryResult> {
    if (/^(begin|start transaction)\b/.test(text)) {
      beginning = text;
      return nothingDone;
    }
    const begun = beginning;
    beginning = undefined;
    if (begun !== undefined && (text === "commit" || text === "rollback"))
      return { ...nothingDone, command: text.toUpperCase() };
    const name = values.length > 0 ? names.nameOf(text) : undefined;
    const statement = { text, values, name };
    try {
      return await (begun === undefined ? send(statement) : begin(begun, statement));
    } catch (error) {
      // "Cached plan must not change result type": a migration changed a column's type meanwhile.
      if (name !== undefined && databaseErrorCode(error) === "0A000") names.refuse(text);
      throw error;
    }
  }

  Object.assign(client, { query });
}
