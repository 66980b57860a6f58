import pg from "pg";
import type { Session } from "./session.ts";

const id = pg.escapeIdentifier;
const text = pg.escapeLiteral;

/** PostgreSQL 16 began to tell inheriting a role's rights from becoming it; before, a member may do both. */
export function grantMembership(
  session: Pick<Session, "versionNumber">,
  role: string,
  member: string,
  options: { inherit: boolean; set: boolean },
): string {
  const grant = `grant ${id(role)} to ${member === "current_user" ? member : id(member)}`;
  if (session.versionNumber < 160_000) return grant;
  return `${grant} with inherit ${options.inherit}, set ${options.set}`;
}

export async function revokeMembership(session: Session, role: string, member: string): Promise<void> {
  await session.change(`revoke ${id(role)} from ${id(member)}`);
}

export async function roleExists(session: Session, name: string): Promise<boolean> {
  const rows = await session.read("select from pg_roles where rolname = $1", [name]);
  return rows.length > 0;
}

/** The owners that a migrator works as; none when its making was interrupted. */
export async function selectOwnersOfMigrator(session: Session, migrator: string): Promise<string[]> {
  const rows = await session.read<{ name: string }>(
    `select g.rolname as name from pg_auth_members a
     join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
     where m.rolname = $1 and g.rolname like 'tno\\_%'`,
    [migrator],
  );
  return rows.map((row) => row.name);
}

/** The databases that are open to a migrator, and those in which something is its own or is granted to it. */
export async function selectTracesOfMigrator(
  session: Session,
  migrator: string,
): Promise<{ opened: string[]; holding: string[] }> {
  const rows = await session.read<{ name: string; holds: boolean }>(
    `select distinct d.datname as name, s.dbid <> 0 as holds
     from pg_shdepend s join pg_database d on d.oid = case when s.dbid = 0 then s.objid else s.dbid end
     where s.refclassid = 'pg_authid'::regclass and s.refobjid = (select oid from pg_roles where rolname = $1)
       and (s.dbid <> 0 or s.classid = 'pg_database'::regclass)`,
    [migrator],
  );
  const names = (holds: boolean) => rows.filter((row) => row.holds === holds).map(({ name }) => name);
  return { opened: names(false), holding: names(true) };
}

/**
 * A role that nobody logs in as. The administrator gets its rights, so that he needn't be a superuser. Nodes that come
 * at the same time take turns.
 */
export async function createGroupRole(session: Session, name: string): Promise<void> {
  const [role] = await session.read<{ usable: boolean }>(
    "select pg_has_role(oid, 'usage') as usable from pg_roles where rolname = $1",
    [name],
  );
  if (role?.usable) return;
  const membership = session.superuser
    ? ""
    : grantMembership(session, name, "current_user", { inherit: true, set: true });
  await session.change(`
    select pg_advisory_xact_lock(hashtextextended(${text(name)}, 7236));
    do $$ begin
      if not exists (select from pg_roles where rolname = ${text(name)}) then
        create role ${id(name)} nologin;
      end if;
    end $$;
    ${membership}`);
}

/** A login, or a new password for it when it is there. */
export async function createLoginRole(
  session: Session,
  role: { name: string; verifier: string; connectionLimit: number; memberships: readonly string[] },
): Promise<void> {
  const verb = (await roleExists(session, role.name)) ? "alter" : "create";
  await session.change(`
    ${verb} role ${id(role.name)} login inherit connection limit ${role.connectionLimit} password ${text(role.verifier)};
    ${role.memberships.join(";\n")}`);
}

/** Ends the role's connections. Only members of a role may, which the administrator then becomes. */
export async function terminateRole(session: Session, name: string): Promise<void> {
  if (!(await roleExists(session, name))) return;
  await joinRole(session, name);
  await session.change(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = ${text(name)}`,
  );
}

export async function dropRole(session: Session, name: string): Promise<void> {
  await session.change(`drop role if exists ${id(name)}`);
}

/** Takes away what a role owns in this database and what it was given there, default rights too. */
export async function dropOwned(inside: Session, role: string): Promise<void> {
  await inside.change(`drop owned by ${id(role)} cascade`);
}

/** What a role owns in this database goes to another one, so that it can be dropped. */
export async function reassignOwned(session: Session, from: string, to: string): Promise<void> {
  await session.change(`reassign owned by ${id(from)} to ${id(to)}; drop owned by ${id(from)}`);
}

/**
 * What a login that was given out has made in this database becomes its environment's, so that it can be dropped: large
 * objects alone. Default rights, which any role may give, go.
 */
export async function inheritFromLogin(inside: Session, login: string, heir: string): Promise<void> {
  if (!(await roleExists(inside, heir))) return dropOwned(inside, login);
  if (!inside.superuser) {
    await inside.change(grantMembership(inside, heir, "current_user", { inherit: true, set: true }));
  }
  await reassignOwned(inside, login, heir);
  await leaveRole(inside, heir);
}

export async function forbidLogin(session: Session, name: string): Promise<void> {
  await session.change(`alter role ${id(name)} nologin`);
}

/** Takes back as well what the role has set for its own sessions. */
export async function allowLogin(session: Session, name: string, verifier: string): Promise<void> {
  await session.change(`
    alter role ${id(name)} reset all;
    alter role ${id(name)} login password ${text(verifier)}`);
}

/** What it takes to see what a role's connections do, and to end them, for who isn't a superuser. */
export async function joinRole(session: Session, name: string): Promise<void> {
  if (session.superuser) return;
  await session.change(grantMembership(session, name, "current_user", { inherit: true, set: true }));
}

/** Takes back what ending the role's connections took. */
export async function leaveRole(session: Session, name: string): Promise<void> {
  if (!session.superuser) await session.change(`revoke ${id(name)} from current_user`);
}
