import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type StorageServerRow = {
  id: string;
  name: string;
  purpose: "shared" | "own";
  endpoint: string;
  signingRegion: string;
  bucket: string;
  accessKeyId: string;
  secret: Buffer;
  users: "ceph" | null;
  buckets: boolean;
  prefixUsers: boolean;
  roleArn: string | null;
  stsEndpoint: string | null;
  region: string | null;
  capacity: number;
  tenantSlug: string | null;
  createdAt: Date;
  /** How many environments have their files there. */
  used: number;
};

const columns = sql`
  s.id, s.name, s.purpose, s.endpoint, s.signing_region as "signingRegion", s.bucket, s.access_key_id as "accessKeyId",
  s.secret, s.users, s.buckets, s.prefix_users as "prefixUsers", s.role_arn as "roleArn",
  s.sts_endpoint as "stsEndpoint", s.region, s.capacity, s.tenant_slug as "tenantSlug", s.created_at as "createdAt",
  (select count(*)::int from placements p where p.server_id = s.id) as used
`;

/** All servers, or a page of them. */
export async function selectStorageServers(
  db: Db | Tx,
  page: { limit?: number; after?: string | undefined } = {},
): Promise<StorageServerRow[]> {
  const { rows } = await sql<StorageServerRow>`
    select ${columns} from storage_servers s
    where (${page.after ?? null}::uuid is null or s.id > ${page.after ?? null}::uuid)
    order by s.id limit ${page.limit ?? 1_000}
  `.execute(db);
  return rows;
}

export async function selectStorageServer(
  db: Db | Tx,
  which: { id: string } | { name: string },
): Promise<StorageServerRow | undefined> {
  const condition = "id" in which ? sql`s.id = ${which.id}` : sql`s.name = ${which.name}`;
  const { rows } = await sql<StorageServerRow>`
    select ${columns} from storage_servers s where ${condition}
  `.execute(db);
  return rows[0];
}

/** False when the name is taken, or that bucket of that server. */
export async function insertStorageServer(
  tx: Tx,
  server: Omit<StorageServerRow, "createdAt" | "used">,
): Promise<boolean> {
  const { rows } = await sql`
    insert into storage_servers (id, name, purpose, endpoint, signing_region, bucket, access_key_id, secret, users,
      buckets, prefix_users, role_arn, sts_endpoint, region, capacity, tenant_slug)
    values (${server.id}, ${server.name}, ${server.purpose}, ${server.endpoint}, ${server.signingRegion},
      ${server.bucket}, ${server.accessKeyId}, ${server.secret}, ${server.users}, ${server.buckets},
      ${server.prefixUsers}, ${server.roleArn}, ${server.stsEndpoint}, ${server.region}, ${server.capacity},
      ${server.tenantSlug})
    on conflict do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

/** Whoever takes one for itself, or takes one out, waits here for others who do. */
export async function lockStorageServers(tx: Tx): Promise<void> {
  await sql`lock table storage_servers in share row exclusive mode`.execute(tx);
}

/** False when files stand on it, or are being made or removed there. */
export async function deleteStorageServer(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    delete from storage_servers s where s.id = ${id}
      and not exists (select from placements p where p.server_id = s.id)
      and not exists (select from resources r where r.server_id = s.id)
    returning s.id
  `.execute(tx);
  return rows.length === 1;
}

/** The tenant that an environment belongs to, and the servers where its other environments have their files. */
export async function selectOwner(
  tx: Tx,
  environmentId: string,
): Promise<{ slug: string; serverIds: string[] } | undefined> {
  const { rows } = await sql<{ slug: string; serverIds: string[] }>`
    select t.slug, coalesce(array_agg(p.server_id) filter (where p.server_id is not null), '{}') as "serverIds"
    from environments e join tenants t on t.id = e.tenant_id join environments o on o.tenant_id = t.id
      left join placements p on p.environment_id = o.id and p.kind = 'storage'
    where e.id = ${environmentId} group by t.slug
  `.execute(tx);
  return rows[0];
}
