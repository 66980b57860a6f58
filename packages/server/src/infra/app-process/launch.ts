import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

export type LaunchRequest = {
  /** Run by `sh -c`; `exec` is put before it. */
  command: string;
  workingDirectory: string;
  /** The only variables the process gets, beside PATH, HOME and LANG. */
  variables: Readonly<Record<string, string>>;
  /** As whom it runs when we are root; when we aren't, it runs as we do. */
  uid: number;
  /** Directories it must be able to reach, beside its working directory. */
  reaches: readonly string[];
};

export type Launch = {
  file: string;
  args: string[];
  /** Of the programs that run as we do until the command takes their place. It holds nothing that they heed. */
  environment: Record<string, string>;
  workingDirectory: string;
};

/**
 * The command line that starts an application's process as another user. A directory that this user can't pass on the
 * way to what it needs (`/root`, say) is covered, in a mount namespace of the process's own, by an empty one in which
 * only the needed directories stand: nothing else of it becomes visible.
 */
export async function planLaunch(request: LaunchRequest): Promise<Launch> {
  const variables = {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: request.workingDirectory,
    LANG: "C.UTF-8",
    ...request.variables,
  };
  const environment = { PATH: systemPath, ...disguised(variables) };
  const start = ["sh", "-c", startScript, "start", request.command];
  const { workingDirectory } = request;
  if (process.getuid?.() !== 0) return launch(["setpriv", "--pdeathsig", "KILL", "--no-new-privs", ...start]);

  const user = ["--reuid", `${request.uid}`, "--regid", `${request.uid}`, "--clear-groups", "--no-new-privs"];
  const asUser = ["setpriv", ...user, "--inh-caps=-all", "--pdeathsig", "KILL", ...start];
  const needed = outermost([workingDirectory, dirname(process.execPath), ...request.reaches]);
  const covered = await closedDirectories(needed, request.uid);
  if (covered.length === 0) return launch(asUser);
  const inside = needed.filter((path) => covered.some((directory) => path.startsWith(`${directory}/`)));
  const plan = [
    "sh",
    "-c",
    coverScript,
    "cover",
    stagingFor(needed),
    ...covered,
    "--",
    ...inside,
    "--",
    workingDirectory,
  ];
  return launch(["unshare", "--mount", "--propagation", "private", ...plan, ...asUser]);

  function launch([file, ...args]: string[]): Launch {
    return { file: file!, args, environment, workingDirectory };
  }
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The application's variables are none of the business of the programs that make the user and the namespace: they run as
 * root, and one such as LD_PRELOAD or PATH would make them run whatever it names. So each travels as the value of
 * another, and gets its own name back when the user is the application's.
 */
function disguised(variables: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(variables);
  return Object.fromEntries(
    entries.map(([name, value], index) => [`TENANTRY_VARIABLE_${index}`, `${name}=${value}`]),
  );
}

/** Runs as the application's user. */
const startScript = String.raw`
TENANTRY_INDEX=0
while eval "[ -n \"\${TENANTRY_VARIABLE_$TENANTRY_INDEX+set}\" ]"; do
  eval "export \"\$TENANTRY_VARIABLE_$TENANTRY_INDEX\"; unset TENANTRY_VARIABLE_$TENANTRY_INDEX"
  TENANTRY_INDEX=$((TENANTRY_INDEX + 1))
done
unset TENANTRY_INDEX
eval "exec $1"
`;

/** Covers each closed directory by an empty tmpfs, with the needed directories bound to where they were. */
const coverScript = `
set -e
staging="$1"; shift
mount -t tmpfs -o mode=755 tmpfs "$staging"
covered=""
count=0
while [ "$1" != -- ]; do count=$((count + 1)); eval "covered$count=\\$1"; shift; done; shift
number=0
for path; do
  [ "$path" = -- ] && break
  number=$((number + 1)); mkdir "$staging/$number"; mount --bind "$path" "$staging/$number"
done
index=1
while [ $index -le $count ]; do eval "target=\\$covered$index"; mount -t tmpfs -o mode=755 tmpfs "$target"; index=$((index + 1)); done
number=0
while [ "$1" != -- ]; do
  number=$((number + 1)); mkdir -p "$1"; mount --move "$staging/$number" "$1"; shift
done; shift
umount "$staging"
cd "$1"; shift
exec "$@"
`;

/** The outermost of some directories: those that no other one contains. */
function outermost(paths: readonly string[]): string[] {
  const all = [...new Set(paths.map((path) => resolve(path)))];
  return all.filter((path) => !all.some((other) => other !== path && path.startsWith(`${other}/`)));
}

/** Why the application's user can't work where it should, in a sentence; undefined when it can. */
export async function refusalToEnter({ workingDirectory, uid }: LaunchRequest): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || (await mayPass(workingDirectory, uid))) return undefined;
  return `The application's user (uid ${uid}) may not enter ${workingDirectory}: chmod o+rx it, or choose another one.`;
}

async function mayPass(directory: string, uid: number): Promise<boolean> {
  const { mode, uid: owner, gid } = await stat(directory);
  const bit = owner === uid ? 0o100 : gid === uid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
}

/** The outermost directories above the given ones that the user may not pass. */
async function closedDirectories(paths: readonly string[], uid: number): Promise<string[]> {
  const closed: string[] = [];
  for (const path of paths) {
    for (const ancestor of ancestors(path)) {
      if (await mayPass(ancestor, uid)) continue;
      closed.push(ancestor);
      break;
    }
  }
  return outermost(closed);
}

/** `/a/b/c` → `/a`, `/a/b`: from the outermost. */
function ancestors(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/** A directory that exists everywhere and isn't in the way of what we bind. */
function stagingFor(needed: readonly string[]): string {
  return ["/mnt", "/media", "/srv"].find((directory) => !needed.some((path) => path.startsWith(directory)))!;
}
