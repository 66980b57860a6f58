import type pg from "pg";

/**
 * What a tenant's statement must come to. `refused`: an error of the database. `nothing`: it runs, and neither shows nor
 * changes anything of a neighbour's. A limit is what this level can't prevent, in a sentence for the documentation.
 */
export type Outcome = "refused" | "nothing" | { limit: string };

/** Where the seal stands: on a server where we are superuser, or on a given one where we may make databases and roles. */
export type Ground = "own" | "given";

/**
 * As whom the tenant plays: by the role that serves all tenants of the application, in a transaction that was entered
 * for it; or by a login that was given out to it alone, outside the application.
 */
export type By = "application" | "login";

/** `apart`: at the three levels at which an environment has tables of its own. */
export type Level = "shared" | "schema" | "database" | "dedicated";

export type At = { level: Level; ground: Ground; by: By };

/** What it comes to, said apart for whatever it depends on; where nothing is said the attack makes no sense. */
export type Expected = Outcome | { [key in Level | "apart" | Ground | By]?: Expected };

export type Attack = {
  group: string;
  /** For the table in the documentation. */
  title: string;
  outcome: Expected;
  /** A bound of the server's processes stops it, whoever it is: it is played once on each server, since it takes seconds. */
  bounded?: true;
  /** Throws what the database refused with; answers whatever was seen. */
  play(attacker: Attacker): Promise<unknown>;
};

/** One tenant of two, on a connection, with any SQL it likes. */
export type Attacker = {
  level: Level;
  ground: Ground;
  /** Statements in one transaction that was entered as the attacker; answers what the last one does. */
  runAll(...statements: string[]): Promise<pg.QueryResultRow[]>;
  /** Statements outside any entered transaction. */
  bare(...statements: string[]): Promise<pg.QueryResultRow[]>;
  /** What a statement copies out, in one such transaction. */
  copyOut(statement: string): Promise<string>;
  /** Enters with a token of the attacker's making, then reads notes. */
  enterWith(token: unknown): Promise<pg.QueryResultRow[]>;
  /** A statement on another connection, which begins with these settings. */
  anew(settings: string, text: string): Promise<pg.QueryResultRow[]>;
  /** A statement on a connection to a database by its name, of the own server or of the neighbour's. */
  elsewhere(
    where: { database: string; server: "own" | "neighbours" },
    text: string,
  ): Promise<pg.QueryResultRow[]>;
  /** Holds so many connections at once. */
  hold(connections: number): Promise<void>;
  /** The connection passes to the neighbour, as the data path does it, who then runs a statement. */
  neighbourAfterwards(text: string): Promise<pg.QueryResultRow[]>;
  /** What the neighbour gets on a connection of its own while all of this goes on. */
  neighbourBeside(text: string): Promise<pg.QueryResultRow[]>;
  /** Environments' ids. */
  own: string;
  neighbour: string;
  /** A relation or function of the neighbour's, as far as a name leads to it. */
  neighbours(name: string): string;
  /** As whom the neighbour works, and in which database; names are no secret. */
  neighboursRole: string;
  neighboursDatabase: string;
  /** Who owns the seal. */
  sealOwner: string;
  /** The process ids of the attacker's and the neighbour's backends. */
  backend: number;
  neighboursBackend: number;
  token(claims: { environmentId: string; backend: number; expiresAt?: number; key?: Buffer }): string;
};

/** Undefined where the attack makes no sense. */
export function outcomeAt({ outcome }: Attack, { level, ground, by }: At): Outcome | undefined {
  const keys = [level, ...(level === "shared" ? [] : ["apart" as const]), by, ground];
  let found: Expected | undefined = outcome;
  while (typeof found === "object" && !("limit" in found)) {
    const branches: { [key in Level | "apart" | Ground | By]?: Expected } = found;
    const key = keys.find((each) => each in branches);
    found = key && branches[key];
  }
  return found;
}

/** An attack that is one statement, or several in one transaction. */
export function sql(
  group: string,
  title: string,
  outcome: Attack["outcome"],
  ...statements: (string | ((attacker: Attacker) => string))[]
): Attack {
  const play = (attacker: Attacker) =>
    attacker.runAll(...statements.map((each) => (typeof each === "string" ? each : each(attacker))));
  return { group, title, outcome, play };
}
