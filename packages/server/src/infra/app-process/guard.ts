import { type ChildProcess, spawn } from "node:child_process";

/** Ends the whole group when its standard input closes, which also happens when we die of SIGKILL. */
const guardScript = `
read -r line
kill -s TERM -- "-$1" 2>/dev/null || exit 0
sleep 3
kill -s KILL -- "-$1" 2>/dev/null
exit 0
`;

/**
 * Makes sure that a process group doesn't outlive us, however we end. Call the returned function once the group is
 * gone: it lets the guard go.
 */
export function guardGroup(groupId: number): () => void {
  const guard: ChildProcess = spawn("sh", ["-c", guardScript, "guard", String(groupId)], {
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

/** Sends a signal to a whole process group; a group that is gone already is fine. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-groupId, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
