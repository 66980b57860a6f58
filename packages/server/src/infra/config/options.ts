import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { getPublicSuffix, parse } from "tldts";
import { z } from "zod";

/** One thing to configure: by flag, by environment variable, or at `path` in the file. */
export type Option<Schema extends z.ZodType = z.ZodType> = {
  flag: string;
  variable: string;
  /** Where it stands in config.json; undefined for what can't come from there. */
  path: readonly string[] | undefined;
  /** Takes text (flags, variables) as well as what JSON would hold. Its messages never repeat the value. */
  schema: Schema;
  /** What holds when nobody says anything; undefined where leaving it out has a meaning of its own. */
  fallback: z.output<Schema> | undefined;
  /** For people, in the reference. */
  description: string;
};

const port = wholeNumber(0, 65_535, "must be a port: 0 to 65535, 0 for any that is free");

const host = z
  .string()
  .regex(/^[A-Za-z0-9.:_-]{1,253}$/, "must be a host name or an IP address to listen on, without a port");

const network = z
  .string()
  .refine((text) => isNetwork(text), "must be an IP address or a network such as 10.0.0.0/8");

const nameServer = z
  .string()
  .refine(
    (text) => isNameServer(text),
    "must be IP addresses such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
  );

const databaseUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  return url !== null && /^postgres(?:ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}, "must be postgres://user:password@host:port/database");

const origin = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.hash;
  }, "must be http://… or https://… without a path")
  .transform((text) => new URL(text).origin);

const rootDomain = z
  .string()
  .transform((text) => (/[/?#@:\\%\s]/.test(text) ? text : domainToASCII(text.replace(/\.$/, ""))))
  .pipe(
    z
      .string()
      .max(180, "must leave room for a tenant's name before it: at most 180 characters")
      .regex(
        /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
        "must be a domain name such as example.com, without scheme, port or path",
      )
      .refine((name) => parse(name).isIp !== true, "must be a name: an IP address has no subdomains")
      .refine(
        (name) => !isPublicSuffix(name),
        "must be a domain of your own, not one that others register under",
      ),
  );

const logLevel = z.enum(
  ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
  "must be fatal, error, warn, info, debug, trace or silent",
);

function isNetwork(text: string): boolean {
  const [address = "", bits = "0", ...more] = text.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)]!;
  return more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most;
}

function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, v6, v4, port] = /^(?:\[(.+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isAddress = v6 === undefined ? isIP(v4 ?? "") === 4 : isIP(v6) === 6;
  return isAddress && (port === undefined || (Number(port) > 0 && Number(port) <= 65_535));
}

function isPublicSuffix(name: string): boolean {
  return getPublicSuffix(name) === name && parse(name).isIcann === true;
}

/** Every option there is. The flags are those of `tenantry up` and `tenantry serve`. */
export const options = {
  dataDir: {
    flag: "--data-dir",
    variable: "TENANTRY_DATA_DIR",
    path: undefined,
    schema: filePath(),
    fallback: ".tenantry",
    description: "Where the installation keeps its files.",
  },
  databaseUrl: {
    flag: "--database-url",
    variable: "DATABASE_URL",
    path: ["databaseUrl"],
    schema: databaseUrl,
    fallback: undefined,
    description: "The PostgreSQL that holds the registry; without one an embedded server is started.",
  },
  rootDomain: {
    flag: "--root-domain",
    variable: "TENANTRY_ROOT_DOMAIN",
    path: ["rootDomain"],
    schema: rootDomain,
    fallback: "localhost",
    description: "The domain below which tenants get their hostnames.",
  },
  publicUrl: {
    flag: "--public-url",
    variable: "TENANTRY_PUBLIC_URL",
    path: ["publicUrl"],
    schema: origin,
    fallback: undefined,
    description: "How browsers reach the gateway, when something stands before it.",
  },
  apiHost: {
    flag: "--api-host",
    variable: "TENANTRY_API_HOST",
    path: ["api", "host"],
    schema: host,
    fallback: "localhost",
    description:
      "The address that the API listens on. It is private: keep it on loopback or an inner network.",
  },
  apiPort: {
    flag: "--api-port",
    variable: "TENANTRY_API_PORT",
    path: ["api", "port"],
    schema: port,
    fallback: 8686,
    description: "The API's port.",
  },
  apiNames: {
    flag: "--api-names",
    variable: "TENANTRY_API_NAMES",
    path: ["api", "names"],
    schema: listOf(host),
    fallback: [] as string[],
    description:
      "Host names under which the API answers, beside localhost and IP addresses; separated by commas.",
  },
  apiUrl: {
    flag: "--api-url",
    variable: "TENANTRY_API_URL",
    path: ["api", "url"],
    schema: origin,
    fallback: undefined,
    description: "Where the processes of applications find the API, when it isn't on their own machine.",
  },
  gatewayHost: {
    flag: "--gateway-host",
    variable: "TENANTRY_GATEWAY_HOST",
    path: ["gateway", "host"],
    schema: host,
    fallback: "localhost",
    description: "The address that the gateway listens on.",
  },
  gatewayPort: {
    flag: "--gateway-port",
    variable: "TENANTRY_GATEWAY_PORT",
    path: ["gateway", "port"],
    schema: port,
    fallback: 8585,
    description: "The gateway's port for HTTP.",
  },
  tlsPort: {
    flag: "--tls-port",
    variable: "TENANTRY_TLS_PORT",
    path: ["gateway", "tlsPort"],
    schema: port,
    fallback: undefined,
    description:
      "The gateway's port for HTTPS, on the same address; 8443 when left out, or any free one when the gateway's port is.",
  },
  trustedProxies: {
    flag: "--trusted-proxies",
    variable: "TENANTRY_TRUSTED_PROXIES",
    path: ["gateway", "trustedProxies"],
    schema: listOf(network),
    fallback: [] as string[],
    description:
      "Addresses or networks (CIDR) of proxies in front of the gateway, separated by commas: what they say of a visitor's address, and of https, is believed.",
  },
  dnsServers: {
    flag: "--dns-servers",
    variable: "TENANTRY_DNS_SERVERS",
    path: ["dnsServers"],
    schema: listOf(nameServer),
    fallback: [] as string[],
    description:
      "Where DNS is asked whose a tenant's own domain is, separated by commas; the machine's resolvers when left out.",
  },
  masterKeyFile: {
    flag: "--master-key-file",
    variable: "TENANTRY_MASTER_KEY_FILE",
    path: ["masterKeyFile"],
    schema: filePath(),
    fallback: undefined,
    description: "The file with the master key; without one `master.key` in the data directory.",
  },
  logLevel: {
    flag: "--log-level",
    variable: "TENANTRY_LOG_LEVEL",
    path: ["logLevel"],
    schema: logLevel,
    fallback: "info",
    description: "The least important event that is written to the log.",
  },
  drainDelayMs: {
    flag: "--drain-delay-ms",
    variable: "TENANTRY_DRAIN_DELAY_MS",
    path: ["drainDelayMs"],
    schema: wholeNumber(0, 600_000, "must be milliseconds: 0 to 600000"),
    fallback: undefined,
    description:
      "Milliseconds in which a node that stops still takes everything while /readyz says 503; 0 for `up` and 5000 for `serve` when left out.",
  },
  drainTimeoutMs: {
    flag: "--drain-timeout-ms",
    variable: "TENANTRY_DRAIN_TIMEOUT_MS",
    path: ["drainTimeoutMs"],
    schema: wholeNumber(0, 600_000, "must be milliseconds: 0 to 600000"),
    fallback: 10_000,
    description: "Milliseconds that running requests get to finish when a node stops.",
  },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof options;
/** The values after every source was asked; undefined only where there is no fallback. */
export type OptionValues = {
  [Name in OptionName]:
    | z.output<(typeof options)[Name]["schema"]>
    | ((typeof options)[Name]["fallback"] extends undefined ? undefined : never);
};

function wholeNumber(least: number, most: number, sentence: string) {
  return z
    .union([z.number(), z.string().regex(/^\d{1,9}$/, sentence)], sentence)
    .transform(Number)
    .pipe(z.number().int(sentence).min(least, sentence).max(most, sentence));
}

function filePath() {
  return z
    .string()
    .min(1, "must be a path")
    .refine((text) => !text.includes("\0"), "must be a path");
}

/** Text is split at commas. */
function listOf(item: z.ZodString) {
  return z
    .union([z.array(z.string()), z.string().transform((text) => text.split(",").map((part) => part.trim()))])
    .pipe(z.array(item));
}
