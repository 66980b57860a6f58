import type {
  AppReply,
  IsolationReportSummary,
  OperationReply,
  ServerReply,
  SettingReply,
} from "@tenantry/contract";
import type { Command } from "commander";
import type { Client } from "../api/client.ts";
import type { Page } from "../api/pages.ts";
import { contextOf, defineCommand, overApi } from "../command.ts";
import type { Installation } from "../installation.ts";
import type { Look } from "../output/look.ts";
import { at, fields, state } from "../output/table.ts";
import { CliError } from "../problem.ts";
import { showApps } from "./app/reads.ts";
import { showOperations } from "./operation.ts";
import { showServers } from "./server.ts";

const atWork = "queued,running,waiting,cancelling,undoing,needs_operator";

const dayMs = 86_400_000;

type Status = {
  api: string;
  /** Known of an installation that runs here; `https` is null while no host is served over HTTPS. */
  gateway: { http: string; https: string | null } | undefined;
  apps: AppReply[];
  servers: ServerReply[];
  /** At work, or waiting for an operator. */
  operations: OperationReply[];
  /** What the last verification of isolation found; null before the first. */
  isolation: IsolationReportSummary | null;
  /** Within the last day. */
  failedOperations: OperationReply[];
};

/** `tenantry status`: what runs, at a glance. */
export function statusCommand(): Command {
  const command = defineCommand("status", {
    summary: "what is running, at a glance; exit code 1 when the API isn't ready",
    examples: ["status", "status --json"],
    calls: ["listApps", "listServers", "listOperations", "listIsolationReports", "listSettings"],
  });
  return overApi(command).action(async (_options: object, self: Command) => {
    const { client, output, installation } = await contextOf(self);
    const { automaticTls, ...found } = await fetchStatus(client);
    const status = { ...found, gateway: gatewayOf(installation, automaticTls) };
    output.result(status, showStatus);
    if (status.api !== "ready") process.exitCode = 1;
  });
}

function gatewayOf({ gateway }: Installation, automaticTls: boolean): Status["gateway"] {
  return gateway && { http: gateway.http, https: automaticTls ? gateway.https : null };
}

async function fetchStatus(client: Client): Promise<Omit<Status, "gateway"> & { automaticTls: boolean }> {
  const list = async <Item>(path: string, query = {}) =>
    (await client.call<Page<Item>>("GET", path, { query: { limit: 200, ...query } })).body.items;
  const [api, apps, servers, operations, failed, reports, automaticTls] = await Promise.all([
    readiness(client),
    list<AppReply>("/v1/apps"),
    list<ServerReply>("/v1/servers"),
    list<OperationReply>("/v1/operations", { status: atWork }),
    list<OperationReply>("/v1/operations", { status: "failed", limit: 20 }),
    list<IsolationReportSummary>("/v1/isolation/reports", { limit: 1 }),
    hasAutomaticTls(client),
  ]);
  const yesterday = Date.now() - dayMs;
  const failedOperations = failed.filter(({ endedAt }) => Date.parse(endedAt ?? "") > yesterday);
  return { api, apps, servers, operations, failedOperations, isolation: reports[0] ?? null, automaticTls };
}

/** Off, no host gets a certificate, and the gateway refuses whoever comes by HTTPS. */
async function hasAutomaticTls(client: Client): Promise<boolean> {
  const { body } = await client.call<{ items: SettingReply[] }>("GET", "/v1/settings");
  return body.items.find(({ key }) => key === "automaticTls")?.value !== false;
}

async function readiness(client: Client): Promise<string> {
  try {
    await client.call("GET", "/readyz");
    return "ready";
  } catch (error) {
    if (error instanceof CliError && error.problem.status !== undefined) return error.message;
    throw error;
  }
}

function showStatus(status: Status, look: Look): string {
  const { api, gateway, apps, servers, operations, failedOperations, isolation } = status;
  const notices = operations.flatMap((one) => noticeOf(one) ?? []);
  return [
    fields(look, [["API", api === "ready" ? state(api) : { text: api, tone: "bad" }]]),
    ...(gateway === undefined ? [] : [fields(look, [["Gateway", showGateway(gateway)]])]),
    ...(isolation === null ? [] : [showIsolation(isolation, look)]),
    showApps({ items: apps }, look),
    serversAtAGlance(servers, look),
    operations.length === 0 ? "No operations are at work." : showOperations({ items: operations }, look),
    ...(failedOperations.length === 0
      ? []
      : [`Failed within the last day:\n${showOperations({ items: failedOperations }, look)}`]),
    ...(notices.length === 0 ? [] : [notices.join("\n")]),
  ].join("\n\n");
}

function showGateway({ http, https }: NonNullable<Status["gateway"]>): string {
  return https === null
    ? `${http} (no host over HTTPS: the setting automaticTls is off)`
    : `${http} ${https}`;
}

/** Of servers that were started for one environment each, only those are told that aren't well. */
function serversAtAGlance(servers: readonly ServerReply[], look: Look): string {
  const isSmall = ({ kind, dedicated }: ServerReply) => kind === "embedded" && dedicated;
  const small = servers.filter(isSmall);
  const told = servers.filter((server) => !isSmall(server) || server.state !== "ready");
  const many = small.length === 1 ? "1 server runs" : `${small.length} servers run`;
  return [
    showServers({ items: told }, look),
    ...(small.length === 0 ? [] : [`${many} for one environment each.`]),
  ].join("\n");
}

function showIsolation(
  { id, verdict, breaches, failed, endedAt }: IsolationReportSummary,
  look: Look,
): string {
  const found = fields(look, [
    ["Isolation", state(verdict)],
    ["Verified", at(endedAt)],
  ]);
  if (verdict === "isolated") return found;
  const what =
    verdict === "breached"
      ? `${breaches} attempts got from one tenant to another`
      : `${failed} attempts couldn't be made`;
  return `${found}\n${what}: see \`tenantry isolation report ${id}\`.`;
}

/** What somebody should do about an operation at work. */
function noticeOf({ id, status, stuckSince, error }: OperationReply): string | undefined {
  if (status === "needs_operator")
    return `${id} needs an operator: ${error?.detail ?? error?.title ?? "undoing it was tried in vain."} ${error?.remedy ?? ""}`.trimEnd();
  if (stuckSince)
    return `${id} makes no progress since ${stuckSince}: see \`tenantry operation show ${id}\`, or cancel it.`;
  return undefined;
}
