import { spawnSync } from "node:child_process";
import { withoutCluster, withoutServices } from "./quiet-install.ts";

/** Installs Debian packages: no questions, no services started, no database cluster created. */
export function installPackages(packages: string[]): void {
  apt("update", "-qq");
  withoutServices(() => {
    if (!packages.includes("postgresql-15")) {
      aptInstall(packages);
      return;
    }
    // The setting that keeps the server's package from creating a cluster comes with this one.
    aptInstall(["postgresql-common"]);
    withoutCluster(() => aptInstall(packages));
  });
}

function aptInstall(packages: string[]): void {
  apt("install", "-qq", "--yes", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", ...packages);
}

/** Hundreds of lines when it works, so its output is shown only when it fails. */
function apt(...parameters: string[]): void {
  const { error, status, signal, stdout, stderr } = spawnSync("apt-get", parameters, {
    encoding: "utf8",
    maxBuffer: Number.POSITIVE_INFINITY,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (error) throw error;
  if (status === 0) return;
  process.stderr.write(stdout + stderr);
  throw new Error(`apt-get ${parameters[0]} ended with ${signal ?? status}`);
}
