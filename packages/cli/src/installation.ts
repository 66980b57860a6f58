import { access, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type CliError, refusal, wrongUsage } from "./problem.ts";

/** Where the API is, and who we are there. */
export type Installation = {
  url: string;
  apiKey: string;
  /** Where the gateway is, when the installation runs here: what tenants' hosts have for scheme and port. */
  gateway?: { http: string; https: string } | undefined;
};

export type InstallationFlags = { url?: string; apiKey?: string; dataDir?: string };

type Place = { environment?: NodeJS.ProcessEnv; workingDirectory?: string };

/**
 * Looks for the installation in the flags, then in the environment, then in the nearest `.tenantry/` upwards. A key is
 * sent only where somebody said: one that lies in a directory to the address beside it, one from the environment to an
 * address or a directory that was named, never to whatever lies near. What lies near counts only when it is our own.
 */
export async function findInstallation(flags: InstallationFlags, place: Place = {}): Promise<Installation> {
  const { environment = process.env, workingDirectory = process.cwd() } = place;
  const url = flags.url ?? (environment.TENANTRY_URL || undefined);
  const wanted = url === undefined ? undefined : checkUrl(url);
  const apiKey = flags.apiKey ?? keyFrom(environment, wanted);
  if (wanted !== undefined && apiKey !== undefined) return { url: wanted, apiKey: checkKey(apiKey) };
  const dataDir = flags.dataDir ?? (environment.TENANTRY_DATA_DIR || undefined);
  const found = await findOperatorFile(dataDir, workingDirectory, trustedOwners(environment));
  if (wanted !== undefined && (!found || !isSamePlace(wanted, found.url))) {
    throw refusal("installation_not_found", `There is no key for ${wanted}.`, {
      remedy: "Give one with --api-key or TENANTRY_API_KEY.",
    });
  }
  if (!found) throw notFound(dataDir);
  const isStray = wanted === undefined && dataDir === undefined && flags.apiKey === undefined;
  if (isStray && apiKey !== undefined && apiKey !== found.apiKey) {
    throw refusal(
      "installation_not_found",
      "TENANTRY_API_KEY holds a key, but nothing says for which address.",
      {
        remedy: `Set TENANTRY_URL beside it. Or unset it, to work with the installation at ${found.url} that lies near.`,
      },
    );
  }
  const { gateway } = found;
  return { url: wanted ?? checkUrl(found.url), apiKey: checkKey(apiKey ?? found.apiKey), gateway };
}

/** The environment's key belongs to the environment's address, where that is set. */
function keyFrom(environment: NodeJS.ProcessEnv, wanted: string | undefined): string | undefined {
  const { TENANTRY_URL: itsUrl, TENANTRY_API_KEY: key } = environment;
  if (!key) return undefined;
  const isElsewhere = wanted !== undefined && itsUrl && !isSamePlace(wanted, checkUrl(itsUrl));
  return isElsewhere ? undefined : key;
}

function notFound(dataDir: string | undefined): CliError {
  return refusal(
    "installation_not_found",
    dataDir === undefined
      ? "No installation was found here: there is no .tenantry in this directory or above."
      : `No installation was found in ${dataDir}.`,
    {
      remedy:
        "Start one with `tenantry up` or `npm start`, or say where it is: --url and --api-key, or TENANTRY_URL and TENANTRY_API_KEY.",
    },
  );
}

/** The text isn't repeated: it may hold a password. */
function checkUrl(text: string): string {
  const url = URL.parse(text);
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash;
  if (isPlain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, "");
  throw wrongUsage("That is not the address of an installation.", "It looks like http://localhost:8686.");
}

function checkKey(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw wrongUsage(
    "The API key holds characters that no key has.",
    "Was it copied with a line break or a blank?",
  );
}

function isSamePlace(one: string, other: string): boolean {
  const normal = (text: string) => {
    const { protocol, hostname, port, pathname } = new URL(text);
    return [
      protocol,
      /^(127\.0\.0\.1|\[::1\])$/.test(hostname) ? "localhost" : hostname,
      port,
      pathname,
    ].join();
  };
  return normal(one) === normal(other);
}

async function findOperatorFile(
  dataDir: string | undefined,
  from: string,
  trusted: ReadonlySet<number> | undefined,
): Promise<Installation | undefined> {
  if (dataDir !== undefined) return readOperatorFile(path.resolve(from, dataDir, "operator.json"));
  for (let directory = from; ; directory = path.dirname(directory)) {
    const file = path.join(directory, ".tenantry", "operator.json");
    const found = await readOperatorFile(file);
    if (found && trusted) await requireOwner(file, trusted);
    if (found || directory === path.dirname(directory)) return found;
  }
}

/** Whose files count where nobody named them; undefined where files have no owners. */
function trustedOwners({ SUDO_UID: invoker }: NodeJS.ProcessEnv): ReadonlySet<number> | undefined {
  const own = process.geteuid?.();
  if (own === undefined) return undefined;
  // Who became root by sudo works with what is theirs.
  return new Set([0, own, ...(own === 0 && invoker ? [Number(invoker)] : [])]);
}

/** Whoever may write to a directory above this one, as everybody may to /tmp, would be told every password else. */
async function requireOwner(file: string, trusted: ReadonlySet<number>): Promise<void> {
  const { uid } = await stat(file);
  if (trusted.has(uid)) return;
  const directory = path.dirname(file);
  throw refusal(
    "installation_not_found",
    `${directory} lies near, but is another user's (${uid}): nothing is sent where that leads.`,
    { remedy: `If it is the one you mean, say so: --data-dir ${directory}.` },
  );
}

async function readOperatorFile(file: string): Promise<Installation | undefined> {
  try {
    return parseOperatorFile(await readFile(file, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return refuseUnfinished(path.dirname(file));
    // What the parser says quotes the file, and that holds a key.
    throw refusal("file_unreadable", `${file} can't be read (${code ?? "its content is damaged"}).`, {
      remedy:
        code === "EACCES"
          ? "Run the command as the user who started Tenantry."
          : "Start Tenantry again: that writes it anew.",
      cause: error,
    });
  }
}

/** The operator's file is what the first start makes last: nothing is there, or that isn't over. */
async function refuseUnfinished(dataDir: string): Promise<undefined> {
  const isBegun = await access(path.join(dataDir, "lock")).then(
    () => true,
    () => false,
  );
  if (!isBegun) return undefined;
  throw refusal("installation_not_ready", `The first start in ${dataDir} isn't over yet.`, {
    remedy: "Wait until `tenantry up` says that it is running. If nothing runs there, start it again.",
  });
}

function parseOperatorFile(text: string): Installation {
  const found = JSON.parse(text) as (Partial<Installation> & Record<string, unknown>) | null;
  if (typeof found?.url !== "string" || typeof found.apiKey !== "string") {
    throw new Error("The address or the key is missing.");
  }
  const { gatewayUrl: http, gatewayTlsUrl: https } = found;
  const gateway = typeof http === "string" && typeof https === "string" ? { http, https } : undefined;
  return { url: found.url, apiKey: found.apiKey, gateway };
}
