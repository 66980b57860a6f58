import { execFile } from "node:child_process";
import { commandAs, type Identity } from "./identity.ts";

/** `code` is null when the program couldn't be started, or was ended by a signal. */
export type Finished = { code: number | null; output: string };

export type RunOptions = {
  identity: Identity;
  environment: Record<string, string>;
  signal?: AbortSignal;
  timeoutMs?: number;
  /** Written to the program's standard input, which is then closed. */
  input?: string;
};

/**
 * Runs a program to its end with both streams collected. Ends it when `signal` aborts, when it takes longer than
 * `timeoutMs` (60,000 when left out), and when this process dies.
 */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const { identity, environment, signal } = options;
  const command = commandAs(identity, file, args, "KILL");
  return new Promise((resolve, reject) => {
    const child = execFile(
      command.file,
      command.args,
      {
        env: programEnvironment(environment),
        cwd: "/",
        uid: identity.uid,
        gid: identity.gid,
        timeout: options.timeoutMs ?? 60_000,
        killSignal: "SIGKILL",
      },
      (error, stdout, stderr) => {
        signal?.removeEventListener("abort", end);
        if (signal?.aborted) return reject(signal.reason);
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        const reason =
          code === null ? `\n${error?.signal ? `ended by ${error.signal}` : error?.message}` : "";
        resolve({ code, output: `${stdout}${stderr}${reason}`.trim() });
      },
    );
    // Not execFile's own signal, which doesn't wait for the program's children: they may still be writing files.
    const end = () => child.kill("SIGKILL");
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end, { once: true });
    // A program that ends without reading its input isn't an error of its own: its exit code tells.
    child.stdin?.on("error", () => undefined).end(options.input ?? "");
  });
}

/** The caller's variables (PGDATA, PGOPTIONS, LANG, LD_PRELOAD …) must not reach the server. */
export function programEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    TZ: "UTC",
    ...extra,
  };
}

/** The last lines of a program's output, on one line. */
export function tail(output: string, lines = 6): string {
  return output.trim().split("\n").slice(-lines).join(" | ");
}
