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

type OnGround = Outcome | { [ground in Ground]: Outcome };

export type Attack = {
  group: string;
  /** For the table in the documentation. */
  title: string;
  outcome: OnGround | { [by in By]: OnGround };
  /** Where it makes no sense as the other. */
  only?: By;
  /** Throws what the database refused with; answers whatever was seen. */
  play(attacker: Attacker): Promise<unknown>;
};

/** One tenant of two, on a connection, with any SQL it likes. */
export type Attacker = {
  /** Statements in one transaction that was entered as the attacker; answers what the last one does. */
  runAll(...statements: string[]): Promise<pg.QueryResultRow[]>;
  /** Statements outside any entered transaction. */
  bare(...statements: string[]): Promise<pg.QueryResultRow[]>;
  /** Enters with a token of the attacker's making, then reads notes. */
  enterWith(token: unknown): Promise<pg.QueryResultRow[]>;
  /** A statement on another connection, which begins with these settings. */
  anew(settings: string, text: string): Promise<pg.QueryResultRow[]>;
  /** The connection passes to the neighbour, as the data path does it, who then runs a statement. */
  neighbourAfterwards(text: string): Promise<pg.QueryResultRow[]>;
  /** What the neighbour gets on a connection of its own while all of this goes on. */
  neighbourBeside(text: string): Promise<pg.QueryResultRow[]>;
  /** Environments' ids. */
  own: string;
  neighbour: string;
  /** Who owns the seal; names of roles are no secret. */
  sealOwner: string;
  /** The process ids of the attacker's and the neighbour's backends. */
  backend: number;
  neighboursBackend: number;
  token(claims: { environmentId: string; backend: number; expiresAt?: number; key?: Buffer }): string;
};

export function outcomeOn({ outcome }: Attack, ground: Ground, by: By): Outcome {
  const played = typeof outcome === "object" && "login" in outcome ? outcome[by] : outcome;
  return typeof played === "object" && "own" in played ? played[ground] : played;
}

/** The attacks that can be played as that. */
export function playedBy(attacks: readonly Attack[], by: By): Attack[] {
  return attacks.filter(({ only = by }) => only === by);
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
