import { nextNumberBody } from "../common/emit/shared/counters.ts";
import { type OwnFunctions, sealExpressions } from "../common/seal/index.ts";
import { admissionBody } from "./environments.sql.ts";

/** What the counters of a database that has stood since the seal's second version compare with. */
const earlierPolicy =
  "(select pg_catalog.translate(pg_catalog.current_setting('backtrace_functions'), '_', '-')::uuid)";

/** The functions that stand in the seal's schema beside its own, each with the bodies that it may have. */
export const ownFunctions: OwnFunctions = (strategy) => {
  const expressions = sealExpressions(strategy);
  const policies = [expressions.policyExpression, ...(strategy === "parameter" ? [earlierPolicy] : [])];
  return { next_number: policies.map(nextNumberBody), admit: [admissionBody(expressions)] };
};
