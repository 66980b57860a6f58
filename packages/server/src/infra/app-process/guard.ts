import { type ChildProcess, spawn } from "node:child_process";
import type { LaunchMarks } from "./launch-request.ts";

/** Ends the group, and then whatever carries the marks, when its standard input closes: also when we die of SIGKILL. */
const guardScript = `
read -r line
kill -s TERM -- "-$1" 2>/dev/null && sleep 3
kill -s KILL -- "-$1" 2>/dev/null
marked() {
  grep -lszxF -e "$1" /proc/[0-9]*/environ
  [ -z "$2" ] || grep -lsE "^Groups:.*[[:space:]]$2 " /proc/[0-9]*/status
}
tries=50
while [ $tries -gt 0 ] && found=$(marked "$2" "$3" | cut -d / -f 3) && [ -n "$found" ]; do
  kill -s KILL $found 2>/dev/null
  tries=$((tries - 1)); sleep 0.1
done
exit 0
`;

/**
 * Makes sure that a process group, and what left it with our marks, doesn't outlive us, however we end. Call the returned
 * function once all of it is gone: it lets the guard go.
 */
export function guardGroup(groupId: number, marks: LaunchMarks): () => void {
  const words = [`${groupId}`, `TENANTRY_INSTANCE=${marks.instanceId}`, `${marks.groupId ?? ""}`];
  const guard: ChildProcess = spawn("sh", ["-c", guardScript, "guard", ...words], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/bin:/bin" },
  });
  // A guard that can't start or was killed is not worth ending the application for.
  guard.on("error", () => undefined);
  guard.stdin?.on("error", () => undefined);
  guard.unref();
  return () => guard.kill("SIGKILL");
}

/** Sends a signal to a whole process group; one that is gone, and whose number others have by now, is fine. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-groupId, signal);
  } catch (error) {
    if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code!)) throw error;
  }
}
