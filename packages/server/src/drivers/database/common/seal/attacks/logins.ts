import { type Attack, type Attacker, sql } from "./attack.ts";

const group = "Beginning elsewhere";
const readAll = "select * from notes";
const underscored = ({ neighbour }: Attacker): string => neighbour.replaceAll("-", "_");

/** Changes what sessions begin with, by a statement that names the database, then begins one. */
const forSessionsToCome = (title: string, outcome: Attack["outcome"], statement: string): Attack => ({
  group,
  title,
  outcome: { shared: { login: outcome } },
  async play({ bare, anew }) {
    const [row] = await bare("select quote_ident(current_database()) as database");
    await bare(statement.replace("DATABASE", row!.database as string));
    return anew("", readAll);
  },
});

/** What a session begins with, which is how a login that was given out knows its environment. */
export const loginAttacks: Attack[] = [
  {
    group,
    title: "a connection that asks for the trusted parameter as it begins",
    outcome: { shared: "refused" },
    play: (attacker) => attacker.anew(`-c backtrace_functions=${underscored(attacker)}`, readAll),
  },
  {
    group,
    title: "a connection that asks for the token's setting as it begins",
    outcome: { shared: { login: "nothing", application: "refused" } },
    play: (attacker) =>
      attacker.anew(
        `-c tenantry.token=1${attacker.neighbour.replaceAll("-", "")}${"9".repeat(20)}${"0".repeat(64)}`,
        readAll,
      ),
  },
  {
    group,
    title: "a connection that asks for another role as it begins",
    outcome: "refused",
    play: (attacker) =>
      attacker.anew(
        `-c role=${attacker.level === "shared" ? attacker.sealOwner : attacker.neighboursRole}`,
        readAll,
      ),
  },
  forSessionsToCome(
    "taking back the settings of its role in this database",
    "nothing",
    "alter role current_user in database DATABASE reset all",
  ),
  forSessionsToCome("taking back the settings of its role", "nothing", "alter role current_user reset all"),
  forSessionsToCome(
    "taking back the trusted parameter of its role",
    { own: "refused", given: "nothing" },
    "alter role current_user in database DATABASE reset backtrace_functions",
  ),
  {
    ...sql(
      group,
      "becoming the group by which logins may connect",
      {
        shared: {
          login: {
            limit:
              "PostgreSQL 15 lets a member become its group, which owns nothing and sees what the login does",
          },
        },
      },
      "select 1",
    ),
    async play({ runAll }) {
      const [row] = await runAll(
        "select rolname from pg_roles where rolname ~ '^tng_' and pg_has_role(oid, 'member')",
      );
      return runAll(`set role ${row!.rolname}`, readAll).catch(() => []);
    },
  },
  sql(group, "reading which login is whose", { shared: "refused" }, "select * from tenantry.login"),
  sql(
    group,
    "passing its login on to the neighbour's environment",
    { shared: "refused" },
    ({ neighbour }) => `update tenantry.login set environment = '${neighbour}'`,
  ),
  sql(
    group,
    "reading what others' sessions begin with",
    { shared: { own: "refused", given: "nothing" }, apart: "nothing" },
    "select * from pg_db_role_setting",
  ),
];
