import type { DriverContext, LoginPlace, Logins } from "../driver.ts";
import { newPassword } from "./scram.ts";

const openForMs = 3_600_000;

/**
 * Works with the URL of a login that is made for it, reaches one environment alone and reads and writes rows, no more.
 * `remove` takes the login away at the end, however that comes.
 */
export async function asOwnLogin<Result>(
  context: DriverContext,
  { place, loginId, logins }: { place: LoginPlace; loginId: string; logins: Logins },
  { work, remove }: { work(url: string): Promise<Result>; remove(): Promise<void> },
): Promise<Result> {
  const { server, database } = place;
  const login = { roleName: logins.nameOf(loginId), password: newPassword() };
  // A connection that an earlier holder left open under this login is ended by that.
  await logins.place(context, { ...place, login });
  await logins.align(context, {
    ...{ server, roleName: login.roleName },
    state: async () => ({ open: true, until: new Date(Date.now() + openForMs) }),
  });
  try {
    return await work(logins.url(server, database, login));
  } finally {
    await remove();
  }
}
