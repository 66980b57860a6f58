import { createHmac, randomBytes } from "node:crypto";
import type { StorageLevel } from "@tenantry/contract";
import {
  createS3StorageDriver,
  type S3Server,
  type StorageDriver,
  type StorageLocation,
} from "../../drivers/storage/index.ts";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure } from "../../kernel/index.ts";
import type { Places, PlaceWanted } from "../placements/index.ts";
import {
  lockStorageServers,
  type StorageServerRow,
  selectOwner,
  selectStorageServers,
} from "./servers.sql.ts";

/** A driver at work on one server, or on this machine's disk. */
export type StorageOn = { driver: StorageDriver; serverId: string | null };

/** Every way in which this installation keeps files. */
export type StoragePlaces = Omit<Places<StorageLocation>, "all"> & { all(db: Db | Tx): Promise<StorageOn[]> };

const secretContext = (serverId: string) => `storage_server:${serverId}`;

type ServerSecret = { secretAccessKey: string; key: string };

/** What is kept of a server, with a new key that its users' keys are derived from. */
export function sealStorageServer(secrets: Secrets, id: string, secretAccessKey: string): Buffer {
  const secret: ServerSecret = { secretAccessKey, key: randomBytes(32).toString("base64") };
  return secrets.seal(JSON.stringify(secret), secretContext(id));
}

function openSecret(secrets: Secrets, { id, secret }: Pick<StorageServerRow, "id" | "secret">): ServerSecret {
  return JSON.parse(secrets.open(secret, secretContext(id)).toString("utf8")) as ServerSecret;
}

/** The server as its driver takes it. */
export function openS3Server(secrets: Secrets, row: StorageServerRow): S3Server {
  const { id, endpoint, signingRegion: region, bucket, accessKeyId, users } = row;
  const { secretAccessKey } = openSecret(secrets, row);
  const { prefixUsers, roleArn, stsEndpoint } = row;
  const role = roleArn === null ? null : { arn: roleArn, endpoint: stsEndpoint! };
  return { id, endpoint, region, bucket, accessKeyId, secretAccessKey, users, prefixUsers, role };
}

function driverOn(secrets: Secrets, row: StorageServerRow): StorageDriver {
  const key = Buffer.from(openSecret(secrets, row).key, "base64");
  const deriveKey = (purpose: string) => createHmac("sha256", key).update(purpose).digest();
  return createS3StorageDriver({ server: openS3Server(secrets, row), deriveKey });
}

/** Files on S3 servers, and on this machine's disk where no server shared by many is registered. */
export function createStoragePlaces({
  secrets,
  disk,
}: {
  secrets: Secrets;
  disk: StorageDriver;
}): StoragePlaces {
  const onDisk: StorageOn = { driver: disk, serverId: null };
  const on = (row: StorageServerRow): StorageOn => ({ driver: driverOn(secrets, row), serverId: row.id });

  return {
    drivers: [disk.driver, "s3"],
    async levels(db) {
      const servers = await selectStorageServers(db);
      const has = { bucket: () => true, own: ({ used }: StorageServerRow) => used === 0 };
      const more = (["bucket", "own"] as const).filter((level) =>
        servers.some((row) => offers(row, level) && has[level](row)),
      );
      return ["prefix", ...more];
    },
    async choose(tx, wanted) {
      const level = wanted.level as StorageLevel;
      // A server of its own is for one tenant: nobody else may choose it at the same time.
      if (level === "own") await lockStorageServers(tx);
      const offering = (await selectStorageServers(tx)).filter((row) => offers(row, level));
      const none = wanted.serverId === null || (wanted.serverId === undefined && offering.length === 0);
      if (level === "prefix" && none) return { ...onDisk, detail: { level } };
      const owner = await selectOwner(tx, wanted.environmentId);
      const server = roomiest(
        offering.filter((row) => fits(row, wanted, owner)),
        { slug: owner?.slug, near: wanted.near },
      );
      if (!server) throw unavailable(wanted);
      return { ...on(server), detail: { level, server: server.name } };
    },
    all: async (db) => [onDisk, ...(await selectStorageServers(db)).map(on)],
  };
}

/** The levels at which a server can hold files, whether or not it has room. */
export function levelsOn({
  purpose,
  buckets,
}: Pick<StorageServerRow, "purpose" | "buckets">): StorageLevel[] {
  if (purpose === "own") return ["own"];
  return buckets ? ["prefix", "bucket"] : ["prefix"];
}

const offers = (row: StorageServerRow, level: StorageLevel): boolean => levelsOn(row).includes(level);

function fits(row: StorageServerRow, { region, serverId }: PlaceWanted, owner: Owner): boolean {
  if (serverId !== undefined && row.id !== serverId) return false;
  if (region !== undefined && row.region !== region) return false;
  if (row.tenantSlug !== null && row.tenantSlug !== owner?.slug) return false;
  // All environments of one tenant may stand on the server that it has to itself.
  if (row.purpose === "own") return row.used === 0 || (owner?.serverIds.includes(row.id) ?? false);
  return row.used < row.capacity;
}

type Owner = { slug: string; serverIds: string[] } | undefined;

/** A server that is the tenant's goes before any other, and then the one where it is. */
function roomiest(
  servers: readonly StorageServerRow[],
  { slug, near }: { slug: string | undefined; near: string | null | undefined },
): StorageServerRow | undefined {
  const isItsOwn = (row: StorageServerRow) => row.tenantSlug !== null && row.tenantSlug === slug;
  const rank = (row: StorageServerRow) => (isItsOwn(row) ? 2 : row.id === near ? 1 : 0);
  const room = ({ capacity, used }: StorageServerRow) => capacity - used;
  return servers.toSorted((a, b) => rank(b) - rank(a) || room(b) - room(a))[0];
}

function unavailable({ level, region, serverId }: PlaceWanted): Error {
  const where = region === undefined ? "" : ` in the region ${region}`;
  if (serverId !== undefined) return unavailableThere(level, where);
  return failure("no_capacity", {
    detail: `No storage server${where} has room for files at the level "${level}".`,
    remedy: `Register one with \`tenantry storage add${level === "own" ? " --own" : ""}\`.`,
  });
}

function unavailableThere(level: string, where: string): Error {
  return failure("isolation_unavailable", {
    detail: `The place that was asked for offers no files at the level "${level}"${where}, or has no room.`,
    remedy: "See `tenantry storage list`, or leave the server out.",
  });
}

/** Removes what killed writers left, everywhere. A server that doesn't answer keeps nobody else's from being tidied. */
export async function tidyStorages(places: StoragePlaces, { db, log }: { db: Db; log: Log }): Promise<void> {
  for (const { driver, serverId } of await places.all(db)) {
    try {
      await driver.tidy();
    } catch (error) {
      log.warn({ error, driver: driver.driver, serverId }, "storage.not-tidied");
    }
  }
}
