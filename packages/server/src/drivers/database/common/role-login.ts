import type { BuiltDatabase } from "../driver.ts";

/** How the role of a database logs in. On a PostgreSQL each has one. */
export function loginOf({ name, roleName, password }: BuiltDatabase): { user: string; password: string } {
  if (roleName === null || password === null) throw new Error(`${name} has no role that could log in.`);
  return { user: roleName, password };
}
