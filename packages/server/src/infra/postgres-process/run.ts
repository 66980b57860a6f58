import { execFile } from "node:child_process";
import { commandAs, type Identity } from "./identity.ts";

export type Finished = { code: number | null; output: string };

export type RunOptions = {
  identity: Identity;
  environment: Record<string, string>;
  signal?: AbortSignal;
  timeoutMs?: number;
};

/** Runs a program to its end with both streams collected; a program that can't be started counts as code null. */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const command = commandAs(options.identity, file, args);
  return new Promise((resolve, reject) => {
    execFile(
      command.file,
      command.args,
      {
        // The caller's variables (PGDATA, LANG, LD_PRELOAD …) must not reach the server.
        env: programEnvironment(options.environment),
        cwd: "/",
        uid: options.identity.uid,
        gid: options.identity.gid,
        timeout: options.timeoutMs ?? 60_000,
        killSignal: "SIGKILL",
        signal: options.signal,
      },
      (error, stdout, stderr) => {
        if (options.signal?.aborted) return reject(options.signal.reason);
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        resolve({ code, output: `${stdout}${stderr}${code === null ? error?.message : ""}`.trim() });
      },
    );
  });
}

export function programEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    TZ: "UTC",
    ...extra,
  };
}
