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

export function accountIdentity(uid: number, gid: number): Identity {
  return { way: "account", prefix: [], uid, gid };
}

/**
 * Root (or a user without an account) seen as an ordinary user: files stay owned by who started us, so it works in a
 * directory that only root can read and needs no account of its own.
 */
export function mappedIdentity(): Identity {
  const { uid, gid } = listedUser();
  return {
    way: "mapped",
    prefix: ["unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"],
  };
}

/** initdb insists on a name for the user it runs as, so the mapping must lead to a user that the system lists. */
function listedUser(): { uid: number; gid: number } {
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid }) => Number.isInteger(uid) && uid > 0);
  return users.find(({ name }) => name === "nobody") ?? users[0] ?? { uid: 65_534, gid: 65_534 };
}

/** The command line that runs `file` under this identity. */
export function commandAs(
  identity: Identity,
  file: string,
  args: readonly string[],
): { file: string; args: string[] } {
  const [first = file, ...rest] = [...identity.prefix, file, ...args];
  return { file: first, args: rest };
}
