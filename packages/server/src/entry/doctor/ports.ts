import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Config } from "../../infra/config/index.ts";
import type { OperatorFile } from "../operator-file.ts";
import { isFree, portsOf } from "../ports.ts";
import { type Finding, ok, problem } from "./check.ts";
import { runningProcess } from "./machine.ts";

type Port = ReturnType<typeof portsOf>[number];

/**
 * Of an installation that runs, the ports that it listens on, wherever they were chosen; of one that doesn't, those that
 * its configuration and the flags name.
 */
export async function checkPorts(config: Config): Promise<Finding[]> {
  const running = await runningProcess(config.dataDir);
  const used = running === undefined ? undefined : await usedPorts(config.dataDir);
  return Promise.all(
    portsOf(config).map((port) =>
      running === undefined || used?.[port.name] === undefined
        ? checkConfigured(port, running)
        : checkUsed(port, used[port.name]!, running),
    ),
  );
}

async function checkUsed({ name, host }: Port, port: number, running: number): Promise<Finding> {
  const check = `${name} port`;
  if (!(await isFree(host, port)))
    return ok(check, `Port ${port} is in use, and Tenantry runs here (process ${running}).`);
  return problem(
    check,
    `Nothing listens on port ${port}, and Tenantry runs here (process ${running}).`,
    "Look into the log with `tenantry logs`, then start it again: `tenantry down`, `tenantry up`.",
  );
}

async function checkConfigured(
  { name, flag, host, port }: Port,
  running: number | undefined,
): Promise<Finding> {
  const check = `${name} port`;
  if (port === 0) return ok(check, "Any free port is taken at the start.");
  if (await isFree(host, port)) return ok(check, `Port ${port} is free.`);
  if (running !== undefined)
    return ok(check, `Port ${port} is in use, and Tenantry runs here (process ${running}).`);
  return problem(
    check,
    `Another program listens on port ${port}.`,
    `Stop it, or choose another with ${flag}.`,
  );
}

/** What `tenantry up` wrote down at its start; nothing of one that is still starting for the first time. */
async function usedPorts(dataDir: string): Promise<Partial<Record<Port["name"], number>> | undefined> {
  const text = await readFile(path.join(dataDir, "operator.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { url, gatewayUrl, gatewayTlsUrl } = JSON.parse(text) as Partial<OperatorFile>;
  return { ...portIn("api", url), ...portIn("gateway", gatewayUrl), ...portIn("https", gatewayTlsUrl) };
}

function portIn(name: Port["name"], url: string | undefined): Partial<Record<Port["name"], number>> {
  if (url === undefined) return {};
  const { port, protocol } = new URL(url);
  return { [name]: Number(port || (protocol === "https:" ? 443 : 80)) };
}
