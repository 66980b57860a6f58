import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

const policyFile = "/usr/sbin/policy-rc.d";
const savedPolicyFile = "/usr/sbin/policy-rc.d.before-tenantry";
const clusterFile = "/etc/postgresql-common/createcluster.conf";
const mark = "# tenantry prerequisites";
const noCluster = `create_main_cluster = false ${mark}\n`;

/**
 * Runs `install` while Debian's packages may not start services, and puts the machine's own policy back
 * afterwards, also when it throws or the user presses Ctrl-C. What a killed run left behind is undone by
 * the next one. `install` must be synchronous, or signals would arrive before the end.
 */
export function withoutServices(install: () => void): void {
  restorePolicy();
  if (existsSync(policyFile)) renameSync(policyFile, savedPolicyFile);
  writeFileSync(policyFile, `#!/bin/sh\n${mark}\nexit 101\n`, { mode: 0o755 });
  untilRestored(install, restorePolicy);
}

/** Runs `install` while the PostgreSQL packages create no cluster. postgresql-common must be there. */
export function withoutCluster(install: () => void): void {
  restoreClusterSetting();
  writeFileSync(clusterFile, readFileSync(clusterFile, "utf8") + noCluster);
  untilRestored(install, restoreClusterSetting);
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
  // A handler, whatever it does, keeps the signal from ending us between the change and its undoing;
  // apt-get gets the same Ctrl-C and stops by itself.
  const wait = () => process.stderr.write("prerequisites: stopping, putting the machine's settings back\n");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, wait);
  try {
    action();
  } finally {
    restore();
    for (const signal of signals) process.off(signal, wait);
  }
}
