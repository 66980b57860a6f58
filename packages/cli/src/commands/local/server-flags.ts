import type { Command } from "commander";

/** The flags of the server's own processes, which check their values. `docs/reference/configuration.md` says more. */
const serverFlags = [
  ["--data-dir <dir>", "where the installation keeps its files; .tenantry when left out"],
  ["--database-url <url>", "the PostgreSQL that holds the registry; better given as DATABASE_URL"],
  ["--root-domain <domain>", "the domain below which tenants get their hostnames; localhost when left out"],
  ["--public-url <url>", "how browsers reach the gateway, when something stands before it"],
  ["--api-host <address>", "the address that the API listens on; localhost when left out"],
  ["--api-port <port>", "the API's port; 8686 when left out, 0 for any free one"],
  ["--api-names <names>", "host names under which the API answers, joined by commas"],
  ["--api-url <url>", "where the processes of applications find the API, when it isn't on their machine"],
  ["--gateway-host <address>", "the address that the gateway listens on; localhost when left out"],
  ["--gateway-port <port>", "the gateway's port; 8585 when left out, 0 for any free one"],
  ["--tls-port <port>", "the gateway's port for HTTPS; 8443 when left out, 0 for any free one"],
  ["--trusted-proxies <addresses>", "proxies whose word on a visitor's address and on https is believed"],
  ["--dns-servers <addresses>", "where DNS is asked whose a tenant's own domain is"],
  [
    "--master-key-file <file>",
    "the file with the master key; master.key in the data directory when left out",
  ],
  ["--log-level <level>", "the least important event that is logged; info when left out"],
  ["--drain-delay-ms <ms>", "how long it still takes requests after it said that it stops"],
  ["--drain-timeout-ms <ms>", "how long requests may take to finish when it stops; 10000 when left out"],
] as const;

export function addServerFlags(command: Command): Command {
  command.optionsGroup("Configuration:");
  for (const [flag, description] of serverFlags) command.option(flag, description);
  return command;
}

/** What was given on this command line, for the process that takes it. */
export function serverArguments(command: Command): string[] {
  const known = new Set(serverFlags.map(([flag]) => flag.split(" ")[0]!));
  return command.options
    .filter(
      (option) =>
        known.has(option.long ?? "") && command.getOptionValueSource(option.attributeName()) === "cli",
    )
    .flatMap((option) => [option.long!, String(command.getOptionValue(option.attributeName()))]);
}
