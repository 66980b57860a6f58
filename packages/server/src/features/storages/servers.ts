import type { CreateStorageServerRequest, StorageServerReply } from "@tenantry/contract";
import { checkS3Server, releaseS3Server } from "../../drivers/storage/index.ts";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure, newId, parseId, showId } from "../../kernel/index.ts";
import { levelsOn, openS3Server, sealStorageServer } from "./places.ts";
import {
  deleteStorageServer,
  insertStorageServer,
  lockStorageServers,
  type StorageServerRow,
  selectStorageServer,
} from "./servers.sql.ts";

type Parts = { db: Db; secrets: Secrets; installationId: string };

/**
 * Registers an S3 server after trying it out. Throws `server_unreachable` saying what is missing, at which field, or
 * `name_taken`.
 */
export async function addStorageServer(
  { db, secrets, installationId }: Parts,
  request: CreateStorageServerRequest,
): Promise<StorageServerReply> {
  const { name, purpose, bucket, signingRegion, accessKeyId, region = null, users = null } = request;
  const endpoint = new URL(request.endpoint).origin;
  const role = roleOf(request);
  const at = { endpoint, region: signingRegion, bucket, accessKeyId, users, role };
  const check = await checkS3Server({ ...at, secretAccessKey: request.secretAccessKey }, { installationId });
  if (check.mistakes.length > 0) {
    const detail = check.mistakes.map(({ message }) => message).join(" ");
    throw failure("server_unreachable", { detail, errors: check.mistakes });
  }
  const id = newId();
  const row = {
    ...{ id, name, purpose, endpoint, signingRegion, bucket, accessKeyId, users, region },
    secret: sealStorageServer(secrets, id, request.secretAccessKey),
    buckets: check.buckets,
    prefixUsers: check.prefixUsers,
    roleArn: role?.arn ?? null,
    stsEndpoint: role?.endpoint ?? null,
    capacity: request.capacity,
    tenantSlug: request.tenant ?? null,
  };
  await inTransaction(db, async (tx) => {
    if (await insertStorageServer(tx, row)) return;
    const detail = `There is a storage server "${name}" already, or one with that bucket.`;
    throw failure("name_taken", { detail });
  });
  const added = (await selectStorageServer(db, { id }))!;
  return { ...showStorageServer(added), warnings: check.warnings };
}

/** AWS has its STS at a host of its own, in each region; elsewhere it is the S3 server itself. */
function roleOf({ roleArn, stsEndpoint, endpoint, signingRegion }: CreateStorageServerRequest) {
  if (roleArn === undefined) return null;
  const amazon = /\.amazonaws\.com(?:\.cn)?$/.exec(new URL(endpoint).hostname)?.[0];
  const usual = amazon === undefined ? endpoint : `https://sts.${signingRegion}${amazon}`;
  return { arn: roleArn, endpoint: new URL(stsEndpoint ?? usual).origin };
}

/** Takes a server out that no files stand on. Throws `illegal_transition` while environments have theirs there. */
export async function removeStorageServer(
  { db, secrets, installationId }: Parts,
  idOrName: string,
): Promise<void> {
  const server = await inTransaction(db, async (tx) => {
    await lockStorageServers(tx);
    const found = await findStorageServer(tx, idOrName);
    if (await deleteStorageServer(tx, found.id)) return found;
    throw failure("illegal_transition", {
      detail: `Files stand on the server "${found.name}".`,
      remedy: "Delete the tenants that have their files there first.",
    });
  });
  await releaseS3Server(openS3Server(secrets, server), { installationId });
}

/** Finds a server by its id (`sts_…`) or its name; `server_not_found` when there is none. */
export async function findStorageServer(db: Db | Tx, idOrName: string): Promise<StorageServerRow> {
  const id = parseId("sts", idOrName);
  const server = await selectStorageServer(db, id ? { id } : { name: idOrName });
  if (!server) throw failure("server_not_found", { detail: "There is no such storage server." });
  return server;
}

/** A server as the API shows it: where, never with which secret. */
export function showStorageServer(row: StorageServerRow): StorageServerReply {
  const { name, purpose, endpoint, signingRegion, bucket, accessKeyId, users, region, capacity } = row;
  return {
    id: showId("sts", row.id),
    ...{ name, purpose, endpoint, signingRegion, bucket, accessKeyId, users, region, capacity },
    ...{ roleArn: row.roleArn, stsEndpoint: row.stsEndpoint },
    keys: { prefix: keysAtPrefix(row), bucket: row.users ? "user" : keysWithoutUsers(row) },
    levels: levelsOn(row),
    tenant: row.tenantSlug,
    environments: row.used,
    createdAt: row.createdAt.toISOString(),
  };
}

/** What an application gets where the server makes no user for the environment. */
const keysWithoutUsers = ({ roleArn }: StorageServerRow) => (roleArn === null ? "server" : "temporary");

const keysAtPrefix = (row: StorageServerRow) => (row.prefixUsers ? "user" : keysWithoutUsers(row));
