import { spawn } from "node:child_process";

// The lock file names the main process, postmaster.pid the server; applications go with the main process.
const script = `
read -r line
main=$(sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' "$1/data/lock" 2>/dev/null)
server=$(head -n 1 "$1/data/postgres/cluster/postmaster.pid" 2>/dev/null)
[ -n "$main" ] && grep -q "$1" "/proc/$main/cmdline" 2>/dev/null && kill -KILL "$main"
[ -n "$server" ] && grep -q "$1" "/proc/$server/cmdline" 2>/dev/null && kill -QUIT "$server"
sleep 1
rm -rf "$1"
`;

/**
 * Ends the installation below `directory` and removes its files when this process dies without having done so. Call
 * the returned function once that is done in order.
 */
export function watchOver(directory: string): () => void {
  const watchdog = spawn("sh", ["-c", script, "watchdog", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watchdog.unref();
  return () => watchdog.kill("SIGKILL");
}
