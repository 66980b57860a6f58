import type {
  Catalog,
  CatalogObject,
  ConstraintObject,
  RoutineObject,
  TableObject,
} from "../../catalog/catalog.ts";
import { describe } from "../describe.ts";
import type { Finding } from "../finding.ts";
import { lacksKey, type PrimaryKeys, primaryKeys } from "./group-keys.ts";
import { spansEnvironments } from "./hidden-column.ts";
import { sequenceCalls, takesWholeRows } from "./routines.ts";
import { seedStatements } from "./seeds.ts";
import { policyIsInForce } from "./tables.ts";

type Told = Pick<Finding, "severity" | "problem" | "remedy">;

const refused = (problem: string, remedy: string): Told => ({ severity: "refused", problem, remedy });
const differs = (problem: string, remedy: string): Told => ({ severity: "differs", problem, remedy });

/** Everything of a catalog that a database with many environments' rows can't hold as it is. */
export function sharedFindings(catalog: Catalog): Finding[] {
  const tables = catalog.objects.filter((object): object is TableObject => object.kind === "table");
  const keys = primaryKeys(catalog.objects);
  const found = catalog.objects.flatMap((object) =>
    judge(object, tables, keys).map(
      (told): Finding => ({ object: describe(object), level: "shared", ...told }),
    ),
  );
  for (const { kind, name } of catalog.unsupported) {
    const told = refused(`This ${kind} isn't made again.`, "Do without it, or use the level database.");
    found.push({ object: `${kind} ${name}`, level: "shared", ...told });
  }
  for (const name of seedStatements(catalog).circular) {
    const told = refused(
      "Its first rows point to rows that point back, so neither can be inserted first.",
      "Make one of the foreign keys DEFERRABLE INITIALLY DEFERRED.",
    );
    found.push({ object: `rows of ${name}`, level: "shared", ...told });
  }
  return [...found, ...seedsWithTriggers(catalog), ...seedsUnderPolicies(catalog, tables)];
}

function judge(object: CatalogObject, tables: readonly TableObject[], keys: PrimaryKeys): Told[] {
  switch (object.kind) {
    case "materialized-view":
      return [
        refused(
          "What it keeps has no row security: every environment would read everybody's rows.",
          "Make it a plain view, or a table that the application fills.",
        ),
      ];
    case "view":
      return lacksKey(object, keys) ? [groupsByKey(object.reliesOnKey!)] : [];
    case "function":
    case "procedure":
      return judgeRoutine(object, keys);
    case "constraint":
      return judgeConstraint(object);
    case "index":
      return spansEnvironments(object)
        ? [
            differs(
              "An index of this kind would tell each environment which values others have, so it isn't made.",
              "Make it a B-tree (USING btree), if reading is too slow without it.",
            ),
          ]
        : [];
    case "table":
      return object.inherits.length > 0
        ? [
            refused(
              "A child of another table can't be sealed by itself.",
              "Use partitions, or tables on their own.",
            ),
          ]
        : [];
    case "sequence":
      return object.ownedBy
        ? []
        : [
            differs(
              "Each environment counts by itself here: defaults do, and nextval with the name in quotes; currval, lastval and setval don't know it.",
              "Read numbers with RETURNING, or as what nextval answers.",
            ),
          ];
    case "policy":
      return policyIsInForce(object, tables) && object.roles.length > 0
        ? [refused(`It is for the role ${object.roles.join(", ")}, which nobody has.`, "Make it for PUBLIC.")]
        : [];
    default:
      return [];
  }
}

const groupsByKey = (key: string): Told =>
  refused(
    `It groups by the key ${key} alone in a way that isn't understood here, where the key has one column more.`,
    "Name every column that is selected in GROUP BY.",
  );

function judgeRoutine(routine: RoutineObject, keys: PrimaryKeys): Told[] {
  const found: Told[] = [];
  if (lacksKey(routine, keys)) found.push(groupsByKey(routine.reliesOnKey!));
  if (routine.returnsRows && routine.language === "sql" && !takesWholeRows(routine.body ?? "")) {
    const words = "It names the columns of a table's rows that it returns, and they have one more here.";
    found.push(refused(words, "Select * in a body between quotes, or return a table of named columns."));
  }
  if (routine.body === undefined) return found;
  const calls = sequenceCalls(routine.body);
  if (calls.length > 0) {
    const words = `It calls ${calls.join(", ")}; there are no sequences here, since each environment counts by itself.`;
    found.push(refused(words, "Take numbers by a column's default, and read them with RETURNING."));
  }
  if (takesWholeRows(routine.body)) {
    const words =
      "It takes whole rows, in which the hidden column tenantry_environment is one more, the last.";
    found.push(differs(words, "Name the columns."));
  }
  return found;
}

function judgeConstraint(constraint: ConstraintObject): Told[] {
  const key = constraint.foreignKey;
  if (key && /^SET /.test(key.onUpdate)) {
    const words = `ON UPDATE ${key.onUpdate} would take the row from its environment.`;
    return [refused(words, "Use ON UPDATE CASCADE or NO ACTION.")];
  }
  if (key?.matchFull && key.columns.length > 1) {
    const words =
      "A reference that is null in part is refused as a check violation (23514), not as one of the key.";
    return [differs(words, "Expect either code.")];
  }
  if (constraint.type === "exclusion" && !/^EXCLUDE USING (gist|btree) /.test(constraint.definition)) {
    return [refused("Its kind of index takes no second column.", "Use EXCLUDE USING gist.")];
  }
  return [];
}

function seedsWithTriggers(catalog: Catalog): Finding[] {
  return catalog.rows.flatMap(({ table }) => {
    const fires = catalog.objects.some(
      (object) =>
        object.kind === "trigger" &&
        object.enabled !== "D" &&
        object.table.schema === table.schema &&
        object.table.name === table.name &&
        / INSERT\b/.test(object.definition),
    );
    if (!fires) return [];
    const told = differs(
      "Its triggers see the rows that the migrations inserted once more, for each new environment.",
      "Let the triggers tolerate that, or insert the rows by the application.",
    );
    return [{ object: `rows of ${table.name}`, level: "shared" as const, ...told }];
  });
}

/** Whoever brings them has an environment's own rights, which its policies bind. */
function seedsUnderPolicies(catalog: Catalog, tables: readonly TableObject[]): Finding[] {
  return catalog.rows.flatMap(({ table }) => {
    const known = tables.find(({ schema, name }) => schema === table.schema && name === table.name);
    if (!known || known.rowSecurity === "off") return [];
    const told = differs(
      "Its policies have to allow the rows that the migrations inserted, for each new environment once more; else none is made.",
      "Let a policy allow them without any setting, or insert the rows by the application.",
    );
    return [{ object: `rows of ${table.name}`, level: "shared" as const, ...told }];
  });
}
