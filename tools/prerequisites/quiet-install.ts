import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

const policyFile = "/usr/sbin/policy-rc.d";
const savedPolicyFile = "/usr/sbin/policy-rc.d.before-tenantry";
const clusterFile = "/etc/postgresql-common/createcluster.conf";
const mark = "# tenantry prerequisites";
const noCluster = `create_main_cluster = false ${mark}\n`;

/**
 * Runs `install` while Debian's packages may not start services, and puts the machine's own policy back
 * afterwards, also when it throws or the user presses Ctrl-C. `install` must be synchronous, or signals would
 * arrive before the end.
 */
export function withoutServices(install: () => void): void {
  if (existsSync(policyFile)) renameSync(policyFile, savedPolicyFile);
  writeFileSync(policyFile, `#!/bin/sh\n${mark}\nexit 101\n`, { mode: 0o755 });
  untilRestored(install, restorePolicy);
}

/** Runs `install` while the PostgreSQL packages create no cluster. postgresql-common must be there. */
export function withoutCluster(install: () => void): void {
  writeFileSync(clusterFile, readFileSync(clusterFile, "utf8") + noCluster);
  untilRestored(install, restoreClusterSetting);
}

/** Puts back what a run that was killed left changed. Needs root. */
export function undoKilledRun(): void {
  restorePolicy();
  if (existsSync(clusterFile)) restoreClusterSetting();
}

function restorePolicy(): void {
  if (existsSync(policyFile) && readFileSync(policyFile, "utf8").includes(mark)) rmSync(policyFile);
  if (existsSync(savedPolicyFile)) renameSync(savedPolicyFile, policyFile);
}

function restoreClusterSetting(): void {
  const text = readFileSync(clusterFile, "utf8");
  if (text.includes(noCluster)) writeFileSync(clusterFile, text.replaceAll(noCluster, ""));
}

function untilRestored(action: () => void, restore: () => void): void {
  const outlive = () => {
    // Having a handler keeps the signal from ending us before the undoing; apt-get gets the same Ctrl-C.
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, outlive);
  try {
    action();
  } finally {
    restore();
    for (const signal of signals) process.off(signal, outlive);
  }
}
