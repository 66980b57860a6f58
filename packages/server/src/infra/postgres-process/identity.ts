import { readFileSync } from "node:fs";

/**
 * As whom the programs run. PostgreSQL refuses root, so root wraps them in a user namespace (`prefix`) that shows the
 * same kernel user as an ordinary one, or runs them as another user (`uid`, `gid`).
 */
export type Identity = {
  way: "direct" | "mapped" | "account";
  prefix: readonly string[];
  uid?: number;
  gid?: number;
};

export const directIdentity: Identity = { way: "direct", prefix: [] };

export function accountIdentity(account: { uid: number; gid: number }): Identity {
  return { way: "account", prefix: [], uid: account.uid, gid: account.gid };
}

/**
 * Root (or a user without an account) seen as an ordinary user: files stay owned by who started us, so it works in a
 * directory that only root can read and needs no account of its own.
 */
export function mappedIdentity(): Identity {
  const { uid, gid } = userToShow();
  return {
    way: "mapped",
    prefix: ["unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"],
  };
}

type Account = { name: string; uid: number; gid: number };

/** initdb insists on a name for the user it runs as, so the mapping must lead to a user that the system lists. */
function userToShow(): { uid: number; gid: number } {
  const users = listedUsers().filter(({ uid }) => uid > 0);
  return users.find(({ name }) => name === "nobody") ?? users[0] ?? { uid: 65_534, gid: 65_534 };
}

/** The user of that name, if the system lists one. */
export function findAccount(name: string): Account | undefined {
  return listedUsers().find((user) => user.name === name);
}

function listedUsers(): Account[] {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ name, uid, gid }) => name !== "" && Number.isInteger(uid) && Number.isInteger(gid));
}

/**
 * The command line that runs `file` under this identity. With `onParentDeath` the kernel sends that signal to the
 * program when the thread that started it ends, however it ends.
 */
export function commandAs(
  identity: Identity,
  file: string,
  args: readonly string[],
  onParentDeath?: "KILL" | "QUIT",
): { file: string; args: string[] } {
  // Inside the namespace, not around it: a change of user clears the request for the signal.
  const watch = onParentDeath ? ["setpriv", "--pdeathsig", onParentDeath, "--"] : [];
  const [first = file, ...rest] = [...identity.prefix, ...watch, file, ...args];
  return { file: first, args: rest };
}
