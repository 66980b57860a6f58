import { readFile, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { describeConfinement, probeConfinement } from "../../infra/app-process/index.ts";
import type { Config } from "../../infra/config/index.ts";
import { loadMasterKey } from "../../infra/secrets/index.ts";
import { type Finding, ok, problem, warning } from "./check.ts";

const oldestNode = 24;
const leastDiskBytes = 1_000_000_000;

export function checkNode(): Finding {
  const found = `Node.js ${process.versions.node}`;
  if (Number(process.versions.node.split(".")[0]) >= oldestNode) return ok("node", found);
  return problem(
    "node",
    `${found} is too old.`,
    `Use Node.js ${oldestNode} or newer: \`npm ci\` brings one.`,
  );
}

/** How well applications' processes can be kept together, and from our files. */
export async function checkApplications(): Promise<Finding> {
  const confinement = await probeConfinement();
  const detail = describeConfinement(confinement);
  if (confinement.way === "namespaces") return ok("applications", detail);
  const isRoot = process.getuid?.() === 0;
  return warning(
    "applications",
    isRoot ? detail : `${detail} They run as this user and can read the keys.`,
    isRoot
      ? "Allow namespaces (in a container: the capability SYS_ADMIN), or leave it: they are ended all the same."
      : "Allow unprivileged user namespaces, or start as root; until then run only code that you trust.",
  );
}

export async function checkDataDir({ dataDir, masterKeyFile }: Config): Promise<Finding[]> {
  if (!(await exists(dataDir))) return [ok("data directory", `${dataDir} will be made at the first start.`)];
  return [
    await checkDisk(dataDir),
    await checkMasterKey(dataDir, masterKeyFile),
    await checkOperatorFile(dataDir),
  ];
}

async function checkDisk(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const detail = `${(free / 1e9).toFixed(1)} GB free where ${dataDir} lies.`;
  if (free >= leastDiskBytes) return ok("disk", detail);
  return problem("disk", detail, "Make room: PostgreSQL stops when its disk is full.");
}

async function checkMasterKey(dataDir: string, masterKeyFile: string | undefined): Promise<Finding> {
  try {
    await loadMasterKey({ dataDir, masterKeyFile });
    return ok("master key", "The master key is there, and its owner alone can read it.");
  } catch (error) {
    return problem(
      "master key",
      (error as Error).message,
      "Without it nothing sealed in the registry can be read: put it back.",
    );
  }
}

async function checkOperatorFile(dataDir: string): Promise<Finding> {
  const file = path.join(dataDir, "operator.json");
  const status = await stat(file).catch(() => undefined);
  if (!status) return warning("operator's key", `${file} isn't there.`, "Start Tenantry: it makes one.");
  if ((status.mode & 0o077) === 0) return ok("operator's key", `${file} can be read by its owner alone.`);
  return problem("operator's key", `${file} is open to others.`, `Run chmod 600 ${file}.`);
}

export async function runningProcess(dataDir: string): Promise<number | undefined> {
  const text = await readFile(path.join(dataDir, "lock"), "utf8").catch(() => "");
  if (text === "") return undefined;
  const { pid } = JSON.parse(text) as { pid: number };
  return (await exists(`/proc/${pid}`)) ? pid : undefined;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
