import pg from "pg";
import { breach, type Probe, refused } from "../../probe.ts";
import { partsOfPlace, rolesOfSchema } from "../common/names.ts";
import {
  asTenant,
  atNeighbours,
  bothShared,
  type DatabaseGround,
  databaseOf,
  sameDatabase,
} from "./ground.ts";
import { mustBeRefused, refusalOf } from "./refusal.ts";

const ownLogin = ({ from }: DatabaseGround): string => decodeURIComponent(new URL(from.url).username);

/** From the outside: logins, databases, schemas, roles. */
export const connectionProbes: readonly Probe<DatabaseGround>[] = [
  {
    id: "database.other-database",
    path: "database",
    title: "connect to the neighbour's database with its own login",
    remedy: "REVOKE CONNECT ON DATABASE … FROM PUBLIC and from every role but the environment's own.",
    applies: (ground) => !sameDatabase(ground),
    run: (ground) =>
      mustBeRefused(
        () => atNeighbours(ground, { user: ownLogin(ground) }, (client) => client.query("select 1")),
        `The login ${ownLogin(ground)} gets into ${databaseOf(ground.to)}.`,
      ),
  },
  {
    id: "database.other-login",
    path: "database",
    title: "log in as the neighbour's role with its own password",
    remedy: "Look at pg_hba.conf: no line may let roles in by trust, or without their own password.",
    applies: ({ from, to }) => from.roleName !== to.roleName,
    run: (ground) =>
      mustBeRefused(
        () => atNeighbours(ground, { user: ground.to.roleName! }, (client) => client.query("select 1")),
        `The role ${ground.to.roleName} logs in with another's password.`,
      ),
  },
  {
    id: "database.become-neighbour",
    path: "database",
    title: "become the neighbour's role, or the owner of its tables (SET ROLE)",
    remedy: "REVOKE the membership: an environment's role is a member of the installation's data role alone.",
    applies: (ground) => !bothShared(ground) && ground.from.serverId === ground.to.serverId,
    run: (ground) =>
      asTenant(ground, async (client) => {
        for (const role of rolesOf(ground)) {
          const became = await mustBeRefused(
            () => client.query(`set role ${pg.escapeIdentifier(role)}`),
            `The login becomes ${role}.`,
          );
          if (became.outcome === "breach") return became;
        }
        return refused(`${rolesOf(ground).length} roles tried`);
      }),
  },
  {
    id: "database.other-schema",
    path: "database",
    title: "read the tables in the neighbour's schema of the same database",
    remedy: "REVOKE ALL ON SCHEMA … and on all tables in it from PUBLIC and from every role but its owner's.",
    applies: (ground) => ground.to.level === "schema" && sameDatabase(ground),
    run: readOtherSchema,
  },
  {
    id: "database.other-sessions",
    path: "database",
    title: "see what other roles' sessions run (pg_stat_activity)",
    remedy: "REVOKE pg_read_all_stats and pg_monitor from the role and from all that it is a member of.",
    applies: (ground) => !bothShared(ground),
    run: (ground) =>
      asTenant(ground, async (client) => {
        const seen = await client
          .query(
            `select from pg_stat_activity
             where usename <> current_user and query not in ('', '<insufficient privilege>') limit 1`,
          )
          .catch((error: unknown) => {
            if (!refusalOf(error)) throw error;
          });
        if (seen?.rowCount) return breach("It sees the statements of other roles.");
        return refused("no statement of another role shows");
      }),
  },
  {
    id: "database.server-files",
    path: "database",
    title: "read files of the database server",
    remedy: "REVOKE pg_read_server_files, and superuser, from the role and from all that it is a member of.",
    run: (ground) =>
      asTenant(ground, (client) =>
        mustBeRefused(
          () => client.query("select length(pg_read_file('PG_VERSION'))"),
          "It reads the server's files.",
        ),
      ),
  },
];

function rolesOf({ to }: DatabaseGround): string[] {
  const own = to.roleName!;
  if (to.level !== "schema") return [own];
  return [own, rolesOfSchema(partsOfPlace(to.name).schema).owner];
}

async function readOtherSchema(ground: DatabaseGround) {
  const { schema } = partsOfPlace(ground.to.name);
  return asTenant(ground, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.oid`,
      [schema],
    );
    for (const { name } of rows) {
      const read = await mustBeRefused(
        () => client.query(`select from ${name} limit 1`),
        `The login ${ground.from.roleName} reads ${name}.`,
      );
      if (read.outcome === "breach") return read;
    }
    return refused(`${rows.length} tables and views tried`);
  });
}
