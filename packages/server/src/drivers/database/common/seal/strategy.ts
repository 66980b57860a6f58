import type { Session } from "../session.ts";

/**
 * How a database learns whose rows a statement is about, in a way that the statement itself can't change.
 * `parameter`: verified once per transaction, then kept in a parameter that only the seal's owner may set.
 * `statement`: where that right can't be given away (a managed server, a role that isn't superuser), each statement
 * verifies the token anew.
 */
export type SealStrategy = "parameter" | "statement";

/**
 * Belongs to PostgreSQL's own developers, takes letters, digits and underscores, and can be set by superusers and by
 * those they grant it to alone: a place for an environment's id that nobody else writes to, the same on 15 to 18.
 */
export const trustedParameter = "backtrace_functions";

/** Where a token lies for the rest of its transaction, when each statement verifies it. Anybody may write here. */
export const tokenParameter = "tenantry.token";

export type SealExpressions = {
  /** The environment a row belongs to when nobody says: cheap, and checked by the policy. */
  contextExpression: string;
  /** What rows' `tenantry_environment` has to equal: evaluated once per statement, an error without a context. */
  policyExpression: string;
  /** What a row has to meet to be seen. */
  rowCondition: string;
};

/**
 * What conditions of a statement cost the planner. Where that is nothing it lets none of them go before the policy: see
 * `policiesComeFirst` in functions.sql.ts.
 */
export const costParameter = "cpu_operator_cost";

/** The function says true, or ends in an error, when the statement is planned; nothing of it is left in the plan. */
const rowsOf = (context: string): string =>
  `tenantry_environment = (select ${context}) and tenantry.policies_come_first()`;

/**
 * The seal's policy where the application has some of its own. PostgreSQL asks restrictive ones in the order of their names,
 * and one that comes before the seal's would meet neighbours' rows: it may fail on one, and show it.
 */
export const firstPolicy = " tenantry";

/** No nullif anywhere: without a context there must be an error, never a table that looks empty. */
export function sealExpressions(strategy: SealStrategy): SealExpressions {
  if (strategy === "parameter") {
    const context = `pg_catalog.current_setting('${trustedParameter}')::uuid`;
    return {
      contextExpression: context,
      policyExpression: `(select ${context})`,
      rowCondition: rowsOf(context),
    };
  }
  return {
    // Where there is no token, whoever asks may be known by his login.
    contextExpression: `coalesce(nullif(pg_catalog.substr(pg_catalog.current_setting('${tokenParameter}', true), 2, 32), '')::uuid, tenantry.environment())`,
    policyExpression: "(select tenantry.environment())",
    rowCondition: rowsOf("tenantry.environment()"),
  };
}

/** The better strategy that can be had with the rights of this session. */
export async function chooseStrategy(session: Session): Promise<SealStrategy> {
  const [right] = await session.read<{ grantable: boolean }>(
    "select has_parameter_privilege($1, 'SET WITH GRANT OPTION') as grantable",
    [trustedParameter],
  );
  return right!.grantable ? "parameter" : "statement";
}
