import { dirname } from "node:path";
import { coverCommand, coverForOtherUser, coverForOwnUser, coverScript } from "./cover.ts";
import type { Confinement, LaunchMarks, LaunchRequest } from "./launch-request.ts";

export type Launch = {
  file: string;
  args: string[];
  /** Of the programs that run as we do until the command takes their place. It holds nothing that they heed. */
  environment: Record<string, string>;
  /** It wants a pipe as its descriptor 3, which the caller keeps open for as long as the application may live. */
  isHeldByPipe: boolean;
};

/**
 * The command line that starts an application's process: as another user when we are root, and in namespaces of its own
 * when the kernel lets us. The first process of its process namespace is none of the application's: it reaps, it ends when
 * our end of a pipe is closed, and all others die with it. So the application's own gets signals and ends as everywhere
 * else.
 */
export async function planLaunch(
  request: LaunchRequest,
  confinement: Confinement,
  { instanceId, groupId }: LaunchMarks,
): Promise<Launch> {
  const mark = { TENANTRY_INSTANCE: instanceId };
  const variables = {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: request.workingDirectory,
    LANG: "C.UTF-8",
    ...request.variables,
    ...mark,
  };
  const isRoot = process.getuid?.() === 0;
  const asUser = isRoot ? asOtherUser(request.uid, groupId) : ["setpriv", ...bound];
  const words = [
    ...asUser,
    ...script("TENANTRY_START"),
    "start",
    isRoot ? mostProcesses : "",
    request.command,
  ];
  const isHeldByPipe = confinement.way === "namespaces";
  const [file, ...args] = isHeldByPipe ? await inNamespaces(request, words) : words;
  const environment = { PATH: systemPath, ...mark, ...scripts, ...disguised(variables) };
  return { file: file!, args, environment, isHeldByPipe };
}

/** Threads are counted as well: Node.js has a dozen for each process. */
const mostProcesses = "4096";
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const bound = ["--no-new-privs", "--pdeathsig", "KILL"];

function asOtherUser(uid: number, groupId: number | undefined): string[] {
  const groups = groupId === undefined ? ["--clear-groups"] : ["--groups", `${groupId}`];
  return ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, ...groups, "--inh-caps=-all", ...bound];
}

async function inNamespaces(request: LaunchRequest, words: readonly string[]): Promise<string[]> {
  const isRoot = process.getuid?.() === 0;
  const cover = coverCommand(
    await (isRoot ? coverForOtherUser(request) : coverForOwnUser(request)),
    request.workingDirectory,
  );
  // Whoever isn't root has to seem so to make what follows, and is himself again, without any right over it, after it.
  const asRoot = isRoot ? [] : ["--user", "--map-root-user"];
  const asSelf = ["--map-user", `${process.getuid?.()}`, "--map-group", `${process.getgid?.()}`];
  const back = isRoot ? [] : ["unshare", "--user", ...asSelf, "--"];
  const make = ["unshare", ...asRoot, "--pid"];
  return [...make, ...script("TENANTRY_HOLD"), "hold", ...cover, ...back, ...words];
}

/**
 * Runs outside of the process namespace, in which its children are. The first one holds it together until its pipe is
 * closed, which also our death does, at any moment (a parent-death signal comes too late for who asks for it too late);
 * ignoring SIGCHLD it leaves no zombies. The second one becomes the application; the program that waits for it ends as it
 * does.
 */
const holdScript = `
env --ignore-signal=CHLD cat <&3 >/dev/null 2>&1 &
exec unshare --fork --mount-proc -- "$@" 3<&-
`;

/**
 * The application's variables are none of the business of the programs that make the user and the namespaces: they run as
 * root, and one such as LD_PRELOAD or PATH would make them run whatever it names. So each travels as the value of
 * another, and gets its own name back when the user is the application's.
 */
function disguised(variables: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(variables);
  return Object.fromEntries(
    entries.map(([name, value], index) => [`TENANTRY_VARIABLE_${index}`, `${name}=${value}`]),
  );
}

/**
 * Runs as the application's user. Its memory may hold keys: no core is written. When memory runs short, the kernel is to
 * end it before the database and us. The user's processes are counted only where the user is the application's own.
 */
const startScript = String.raw`
ulimit -c 0
[ -z "$1" ] || ulimit -p "$1" 2>/dev/null || ulimit -u "$1" 2>/dev/null
{ echo 500 > /proc/self/oom_score_adj; } 2>/dev/null
TENANTRY_INDEX=0
while eval "[ -n \"\${TENANTRY_VARIABLE_$TENANTRY_INDEX+set}\" ]"; do
  eval "export \"\$TENANTRY_VARIABLE_$TENANTRY_INDEX\"; unset TENANTRY_VARIABLE_$TENANTRY_INDEX"
  TENANTRY_INDEX=$((TENANTRY_INDEX + 1))
done
unset TENANTRY_INDEX TENANTRY_HOLD TENANTRY_COVER TENANTRY_START
eval "exec $2"
`;

/** They travel as variables: as arguments they would fill the screen of whoever lists processes. */
const scripts = { TENANTRY_HOLD: holdScript, TENANTRY_COVER: coverScript, TENANTRY_START: startScript };

function script(name: keyof typeof scripts): string[] {
  return ["sh", "-c", `eval "$${name}"`];
}
