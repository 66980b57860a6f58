import type { CreateServerRequest, ServerReply } from "@tenantry/contract";
import { checkPooler, checkServer, type ServerCheck } from "../../../drivers/database/index.ts";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import { failure, hasCode, invalidField, newId } from "../../../kernel/index.ts";
import { findTenantLocked } from "../../tenants/index.ts";
import { insertServer, type ServerRow, selectServer, selectServers } from "./servers.sql.ts";
import { backendsFor, openServer, sealServerUrl, unusable } from "./servers.ts";
import { showServers } from "./show-servers.ts";

/**
 * Registers another server after looking at it. Throws `server_unreachable` saying what is missing and what to do about
 * it, `server_registered`, `name_taken`, or `invalid_request`.
 */
export async function addServer(
  db: Db,
  secrets: Secrets,
  request: CreateServerRequest,
): Promise<ServerReply> {
  const check = await checkUsable(request.url);
  await refuseKnown(db, secrets, check);
  const id = newId();
  const { url, poolerUrl } = request;
  const warnings = [...check.warnings];
  if (poolerUrl !== undefined) warnings.push(...(await checkUsablePooler(url, poolerUrl)));
  await inTransaction(db, async (tx) => {
    const tenant = request.tenant === undefined ? undefined : await findOwner(tx, request.tenant);
    if (tenant && !tenant.id)
      warnings.push(`There is no tenant "${tenant.slug}" yet: the server waits for it.`);
    const inserted = await insertServer(tx, {
      id,
      name: request.name,
      kind: "external",
      urlSecret: sealServerUrl(secrets, id, url, poolerUrl),
      versionNumber: check.versionNumber,
      region: request.region ?? null,
      capacity: request.capacity,
      maxBackends: request.maxBackends ?? backendsFor(check.maxConnections),
      statementTimeoutMs: request.statementTimeoutMs ?? null,
      dedicated: request.dedicated,
      tenantId: tenant?.id ?? null,
      tenantSlug: tenant?.slug ?? null,
    });
    if (!inserted) throw failure("name_taken", { detail: `There is a server "${request.name}" already.` });
  });
  const [reply] = await showServers(db, secrets, [(await selectServer(db, id))!]);
  return { ...reply!, warnings };
}

type Usable = Extract<ServerCheck, { usable: true }>;

/** What was found on a server that may hold tenants' databases. */
export async function checkUsable(url: string): Promise<Usable> {
  const check = await checkServer(url);
  if (!check.usable) throw unusable(check.missing);
  if (!check.holdsRegistry) return check;
  throw unusable([
    "The database that the URL names holds a registry of Tenantry. Name another one of that server, such as postgres.",
  ]);
}

/** What should be known of a pooler through which applications are to reach a server. */
export async function checkUsablePooler(url: string, poolerUrl: string): Promise<string[]> {
  const { missing, warnings } = await checkPooler(url, poolerUrl);
  if (missing.length === 0) return warnings;
  const errors = missing.map((message) => ({ pointer: "/poolerUrl", message }));
  throw failure("server_unreachable", { detail: missing.join(" "), errors });
}

/** The same server twice would hold twice what it can. It may be known by another name, address or login. */
export async function refuseKnown(
  db: Db,
  secrets: Secrets,
  { identity }: Pick<Usable, "identity">,
  except?: string,
): Promise<void> {
  const rows = (await selectServers(db)).filter(
    (row) =>
      row.id !== except &&
      row.urlSecret &&
      !(row.kind === "embedded" && row.dedicated) &&
      row.kind !== "directory",
  );
  const known = await Promise.all(rows.map((row) => isThisServer(secrets, row, identity)));
  const same = rows.find((_row, index) => known[index]);
  if (!same) return;
  const message = `This server is registered as "${same.name}".`;
  throw failure("server_registered", { detail: message, errors: [{ pointer: "/url", message }] });
}

/** One that doesn't answer isn't the one that just has. */
async function isThisServer(secrets: Secrets, row: ServerRow, identity: string): Promise<boolean> {
  const check = await checkServer(openServer(secrets, row).url);
  return check.usable && check.identity === identity;
}

/** Whose own it is to be: a tenant, or the slug of one to come. */
async function findOwner(
  tx: Parameters<typeof findTenantLocked>[0],
  idOrSlug: string,
): Promise<{ id: string | null; slug: string }> {
  try {
    const { id, slug, status } = await findTenantLocked(tx, idOrSlug);
    if (status !== "deleting" && status !== "purging") return { id, slug };
    throw invalidField("/tenant", `The tenant is ${status}.`);
  } catch (error) {
    if (!hasCode(error, "tenant_not_found") || idOrSlug.startsWith("tnt_")) throw error;
    return { id: null, slug: idOrSlug };
  }
}
