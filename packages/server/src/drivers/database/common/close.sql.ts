import pg from "pg";
import type { Session } from "./session.ts";

const id = pg.escapeIdentifier;

/** Whether one of these roles is in the middle of something. */
export async function isAnyAtWork(session: Session, roles: readonly string[]): Promise<boolean> {
  const rows = await session.read(
    `select from pg_stat_activity where usename = any ($1) and state is distinct from 'idle' limit 1`,
    [roles],
  );
  return rows.length > 0;
}

/** Lets a role that stands log in with the password that it has. */
export async function letLogIn(session: Session, name: string): Promise<void> {
  await session.change(`alter role ${id(name)} login`);
}
