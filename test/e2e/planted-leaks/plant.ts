import type { TenantReply } from "@tenantry/contract";
import pg from "pg";
import type { Installation } from "../../support/installation.ts";
import { databaseUrl, query } from "../../support/registry.ts";

export type Tenants = {
  [name in "acme" | "globex" | "initech" | "umbrella" | "hooli" | "stark" | "wayne" | "wonka"]: Placed;
};

export type Placed = {
  id: string;
  slug: string;
  environmentId: string;
  /** Of the database, `container.schema`, or of the file. */
  database: string;
  /** Null where the database is a file. */
  role: string | null;
  directory: string;
};

export type Ground = {
  installation: Installation;
  tenants: Tenants;
  /** As superuser, in a database of the installation's server. */
  inDatabase<Row extends pg.QueryResultRow>(name: string, text: string, values?: unknown[]): Promise<Row[]>;
};

/** A leak that somebody made; what is returned mends it. */
export type Plant = (ground: Ground) => Promise<() => Promise<unknown>>;

export type Leak = {
  what: string;
  /** Leaks of one group stand at once. */
  group: number;
  plant: Plant;
  /** How the report names it. */
  named: RegExp;
  /** The probes that have to find it; the catalog's in any case, for a shared database. */
  through?: readonly string[];
};

export const quoted = pg.escapeIdentifier;

/** Two tenants at each of four levels. */
export async function makeTenants(installation: Installation): Promise<Tenants> {
  const levels = {
    acme: "shared",
    globex: "shared",
    initech: "schema",
    umbrella: "schema",
    hooli: "database",
    stark: "database",
    wayne: "sqlite",
    wonka: "sqlite",
  } as const;
  const made = await Promise.all(
    Object.entries(levels).map(async ([slug, database]) => {
      const tenant = await installation.api.createTenant(slug, { isolation: { database } });
      return [slug, await placedOf(installation, tenant)] as const;
    }),
  );
  return Object.fromEntries(made) as Tenants;
}

async function placedOf(installation: Installation, { id, slug }: TenantReply): Promise<Placed> {
  const [row] = await installation.sql<Omit<Placed, "id" | "slug">>(
    `select e.id as "environmentId", d.name as database, d.role_name as role, s.physical_name as directory
     from tenants t join environments e on e.tenant_id = t.id
       join placements p on p.environment_id = e.id and p.kind = 'database' join databases d on d.id = p.database_id
       join placements s on s.environment_id = e.id and s.kind = 'storage' where t.slug = $1`,
    [slug],
  );
  return { id, slug, ...row! };
}

export function groundOf(installation: Installation, tenants: Tenants): Ground {
  return {
    installation,
    tenants,
    inDatabase: (name, text, values) =>
      query(databaseUrl(installation.operator.databaseUrl, name), text, values),
  };
}
