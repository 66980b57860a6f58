import path from "node:path";
import { ConfigError } from "../infra/config/index.ts";
import type { Running } from "./start.ts";

/** Says what is running, where to look, and what to type next. */
export function showRunning(running: Running): void {
  process.stdout.write(`${runningLines(running, process.cwd()).join("\n")}\n`);
}

export function runningLines(running: Running, workingDirectory: string): string[] {
  const { operator, gatewayUrl, gatewayTlsUrl, postgres, tookMs, dataDir, rootDomain } = running;
  const relative = (file: string) => shortest(file, workingDirectory);
  const host = new URL(gatewayUrl!);
  // Commands look for the nearest `.tenantry`; another directory has to be named.
  const place = relative(dataDir) === ".tenantry" ? "" : ` --data-dir ${relative(dataDir)}`;
  return [
    "",
    `  Tenantry is running (started in ${(tookMs / 1000).toFixed(1)} s)`,
    "",
    `  Tenants' sites   http://<slug>.${rootDomain}:${host.port}/`,
    ...(running.automaticTls
      ? [
          `  Over HTTPS       https://<slug>.${rootDomain}:${new URL(gatewayTlsUrl!).port}/`,
          `  Its authority    ${relative(running.authorityFile)} (for browsers to trust)`,
        ]
      : ["  Over HTTPS       no host: the setting automaticTls is off"]),
    `  API              ${operator!.url}/v1`,
    `  API docs         ${operator!.url}/docs`,
    `  Operator's key   ${relative(operator!.file)}`,
    `  Database         ${postgres}`,
    `  Logs             ${relative(path.join(dataDir, "logs", "tenantry.log"))}`,
    "",
    "  Next, in another terminal:",
    "",
    `    npx tenantry tenant create acme --name "Acme Ltd" --wait${place}`,
    `    curl http://acme.${rootDomain}:${host.port}/`,
    "",
    "  Ctrl-C stops everything.",
    "",
    ...sameUserNote(running),
  ];
}

/** As one would type it from here. */
function shortest(file: string, workingDirectory: string): string {
  const relative = path.relative(workingDirectory, file) || ".";
  return relative.startsWith("..") ? file : relative;
}

/** Without root there is no other user to run applications as. */
function sameUserNote({ confinement }: Running): string[] {
  if (process.getuid?.() === 0) return [];
  const advice = "run only code that you trust, or start as root (docs/guides/users-of-the-system.md).";
  if (confinement?.way === "namespaces") {
    return [
      "  Applications run as this user. They see no other process and not the data directory,",
      `  but your other files: ${advice}`,
      "",
    ];
  }
  return ["  Applications run as this user and could read the keys above:", `  ${advice}`, ""];
}

/** Says in one sentence why it couldn't start. */
export function reportStartFailure(error: unknown): void {
  process.stderr.write(`${sentenceOf(error)}\n`);
}

function sentenceOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === "EADDRINUSE") {
    return `Port ${port} is taken by another program. Stop it, or choose another port with --api-port, --gateway-port or --tls-port.`;
  }
  if (code === "EACCES" && port !== undefined)
    return `This user may not listen on port ${port}. Choose one above 1023.`;
  return message ?? String(error);
}
