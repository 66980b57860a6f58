import { readFile } from "node:fs/promises";
import path from "node:path";
import { CliError } from "./problem.ts";

/** Where the API is, and who we are there. */
export type Installation = { url: string; apiKey: string };

export type InstallationFlags = { url?: string; apiKey?: string; dataDir?: string };

/** Looks for the installation in the flags, then in the environment, then in the nearest `.tenantry/` upwards. */
export async function findInstallation(
  flags: InstallationFlags,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Installation> {
  const url = flags.url ?? environment.TENANTRY_URL;
  const apiKey = flags.apiKey ?? environment.TENANTRY_API_KEY;
  if (url && apiKey) return { url: checkUrl(url), apiKey };
  const file = flags.dataDir
    ? path.join(flags.dataDir, "operator.json")
    : await nearest(process.cwd(), environment.TENANTRY_DATA_DIR);
  const found = file && (await readOperatorFile(file));
  if (!found) {
    throw new CliError("No installation was found here.", {
      remedy:
        "Start one with `npm start`, or say where it is: --url and --api-key, or TENANTRY_URL and TENANTRY_API_KEY.",
    });
  }
  return { url: checkUrl(url ?? found.url), apiKey: apiKey ?? found.apiKey };
}

function checkUrl(text: string): string {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return url.href.replace(/\/$/, "");
  throw new CliError(`"${text}" is not a URL of an installation.`, {
    remedy: "It looks like http://localhost:8686.",
  });
}

async function nearest(from: string, dataDir: string | undefined): Promise<string | undefined> {
  if (dataDir) return path.join(dataDir, "operator.json");
  for (let directory = from; ; directory = path.dirname(directory)) {
    const file = path.join(directory, ".tenantry", "operator.json");
    if (await readOperatorFile(file)) return file;
    if (directory === path.dirname(directory)) return undefined;
  }
}

async function readOperatorFile(file: string): Promise<Installation | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CliError(`${file} can't be read: ${message}`, {
      remedy: code === "EACCES" ? "Run the command as the user who started Tenantry." : undefined,
      cause: error,
    });
  }
  return JSON.parse(text) as Installation;
}
