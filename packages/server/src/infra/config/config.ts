import { readFile } from "node:fs/promises";
import path from "node:path";
import { Mistakes } from "./mistakes.ts";
import { type Option, type OptionName, type OptionValues, options } from "./options.ts";
import { type FixedSettings, fixedSettings } from "./settings.ts";

/** What a process needs to know before it can ask the registry. Modules get the slices they use. */
export type Config = {
  /** Absolute. */
  dataDir: string;
  /** The registry's PostgreSQL; the embedded one when undefined. */
  databaseUrl: string | undefined;
  rootDomain: string;
  /** How browsers reach the gateway when something stands before it: `https://example.com`. */
  publicUrl: string | undefined;
  /** `names`: host names under which the API answers beside localhost and IP addresses. */
  api: { host: string; port: number; names: string[] };
  /** `trustedProxies`: networks (CIDR) whose word on where a request came from counts. */
  gateway: { host: string; port: number; tlsPort: number; trustedProxies: string[] };
  /** Where applications' processes find the API, when it runs elsewhere. */
  apiUrl: string;
  /** Addresses, with ports where they aren't 53; those of the machine when empty. */
  dnsServers: string[];
  masterKeyFile: string | undefined;
  logLevel: string;
  /** `up` and `serve` differ when it is undefined. */
  drainDelayMs: number | undefined;
  drainTimeoutMs: number;
  /** Settings that the file or the environment fixes for the whole installation. */
  settings: FixedSettings;
  /** What looks like a mistake but stops nothing. */
  warnings: string[];
};

export type ConfigSources = {
  /** By option name, as the command line gave them. */
  flags?: { [Name in OptionName]?: unknown };
  environment?: Record<string, string | undefined>;
};

/**
 * Reads the configuration: a flag wins over an environment variable, that over `<dataDir>/config.json`, that over the
 * default. Everything is checked before anything is refused: the error lists each mistake and where it stands. An empty
 * variable counts as unset. Call it again to read anew.
 */
export async function loadConfig(sources: ConfigSources = {}): Promise<Config> {
  const environment = sources.environment ?? process.env;
  const flags = sources.flags ?? {};
  const mistakes = new Mistakes();

  const found = (name: OptionName, contents = {}, file = "") =>
    readOption(options[name], { flag: flags[name], environment, contents, file }, mistakes);
  const dataDir = path.resolve(found("dataDir") as string);
  const file = path.join(dataDir, "config.json");
  const contents = await readConfigFile(file, mistakes);
  const names = Object.keys(options) as OptionName[];
  const values = Object.fromEntries(names.map((name) => [name, found(name, contents, file)])) as OptionValues;
  const { settings: fileSettings, ...fileOptions } = contents;
  mistakes.unknownKeys(file, fileOptions, Object.values(options) as Option[]);
  const settings = fixedSettings(fileSettings, file, environment, mistakes);
  refuseSharedPort(values, mistakes);
  mistakes.throwAny();

  const { apiHost, apiPort, apiNames, gatewayHost, gatewayPort, trustedProxies, masterKeyFile, ...more } =
    values;
  const { tlsPort = defaultTlsPort(values), ...rest } = more;
  return {
    ...rest,
    apiUrl: rest.apiUrl ?? `http://127.0.0.1:${apiPort}`,
    dataDir,
    api: { host: apiHost, port: apiPort, names: apiNames },
    gateway: { host: gatewayHost, port: gatewayPort, tlsPort, trustedProxies },
    masterKeyFile: masterKeyFile && path.resolve(masterKeyFile),
    settings,
    warnings: unknownVariables(environment),
  };
}

type Found = {
  flag: unknown;
  environment: Record<string, string | undefined>;
  contents: Record<string, unknown>;
  file: string;
};

function readOption(option: Option, from: Found, mistakes: Mistakes): unknown {
  const { variable, path: steps } = option;
  const first = [
    { where: option.flag, value: from.flag },
    { where: `the variable ${variable}`, value: from.environment[variable] || undefined },
    { where: `${from.file} at /${steps?.join("/")}`, value: steps && valueAt(from.contents, steps) },
  ].find(({ value }) => value !== undefined);
  if (!first) return option.fallback;
  const parsed = option.schema.safeParse(first.value);
  if (parsed.success) return parsed.data;
  mistakes.add(first.where, parsed.error);
  return option.fallback;
}

function valueAt(contents: Record<string, unknown>, steps: readonly string[]): unknown {
  let value: unknown = contents;
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

async function readConfigFile(file: string, mistakes: Mistakes): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") mistakes.say(`${file} can't be read: ${message}.`);
    return {};
  }
  try {
    const contents: unknown = JSON.parse(text);
    if (typeof contents === "object" && contents !== null && !Array.isArray(contents)) {
      return contents as Record<string, unknown>;
    }
    mistakes.say(`${file} must hold a JSON object.`);
  } catch {
    // The parser's own text would show a piece of the file, which may hold a password.
    mistakes.say(`${file} isn't valid JSON.`);
  }
  return {};
}

function refuseSharedPort(values: OptionValues, mistakes: Mistakes): void {
  const { apiPort, gatewayPort, tlsPort = defaultTlsPort(values) } = values;
  if (apiPort === gatewayPort && apiPort !== 0) {
    mistakes.say(`The API and the gateway can't both listen on port ${apiPort}.`);
  }
  if (tlsPort !== 0 && (tlsPort === apiPort || tlsPort === gatewayPort)) {
    mistakes.say(`HTTPS needs a port of its own: ${tlsPort} is taken by another of ours.`);
  }
}

/** Who takes any port for one takes any for the other, or a second installation couldn't start beside the first. */
function defaultTlsPort({ gatewayPort }: Pick<OptionValues, "gatewayPort">): number {
  return gatewayPort === 0 ? 0 : 8443;
}

/** Variables that clients and applications read; ours to know, not ours to use. */
const others = ["TENANTRY_URL", "TENANTRY_API_KEY", "TENANTRY_APP_KEY"];

function unknownVariables(environment: Record<string, string | undefined>): string[] {
  const known = new Set([...Object.values(options).map(({ variable }) => variable as string), ...others]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("TENANTRY_") && !known.has(name))
    .map((name) => `The variable ${name} isn't known here and changes nothing.`);
}
