import { randomBytes, randomUUID } from "node:crypto";
import { chmod, rename, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { type Ground, type Leak, type Plant, quoted } from "./plant.ts";

const schemaOf = (place: string): { container: string; schema: string } => {
  const [container = "", schema = ""] = place.split(".");
  return { container, schema };
};

const connectForAll: Plant = async ({ inDatabase, tenants }) => {
  const name = quoted(tenants.hooli.database);
  await inDatabase("postgres", `grant connect on database ${name} to public`);
  return () => inDatabase("postgres", `revoke connect on database ${name} from public`);
};

const schemaOpened: Plant = async ({ inDatabase, tenants }) => {
  const { container, schema } = schemaOf(tenants.initech.database);
  const name = quoted(schema);
  await inDatabase(
    container,
    `grant usage on schema ${name} to public; grant select on all tables in schema ${name} to public`,
  );
  return () =>
    inDatabase(
      container,
      `revoke usage on schema ${name} from public; revoke select on all tables in schema ${name} from public`,
    );
};

/** Of the canary at the same level: the verifier then is the neighbour who can do more. */
export async function canaryRole({ installation }: Ground, level: string): Promise<string> {
  const [row] = await installation.sql<{ role: string }>(
    `select d.role_name as role from tenants t join environments e on e.tenant_id = t.id
       join placements p on p.environment_id = e.id join databases d on d.id = p.database_id
     where t.internal and d.level = $1 and t.slug like '%-a'`,
    [level],
  );
  return row!.role;
}

const becomesNeighbour: Plant = async (ground) => {
  const [own, other] = [await canaryRole(ground, "database"), ground.tenants.hooli.role!].map(quoted);
  await ground.inDatabase("postgres", `grant ${other} to ${own}`);
  return () => ground.inDatabase("postgres", `revoke ${other} from ${own}`);
};

const readsFiles: Plant = async (ground) => {
  const role = quoted(await canaryRole(ground, "database"));
  await ground.inDatabase("postgres", `alter role ${role} superuser`);
  return () => ground.inDatabase("postgres", `alter role ${role} nosuperuser`);
};

const directoryOf = ({ installation, tenants }: Ground, name: "acme" | "globex"): string =>
  path.join(installation.dataDir, "storage", tenants[name].directory);

const directoryOpened: Plant = async (ground) => {
  const directory = directoryOf(ground, "acme");
  await chmod(directory, 0o755);
  return () => chmod(directory, 0o700);
};

const linkToNeighbour: Plant = async (ground) => {
  const link = path.join(directoryOf(ground, "acme"), "holiday");
  await symlink(directoryOf(ground, "globex"), link);
  return () => rm(link);
};

const fileOf = ({ installation, tenants }: Ground, name: "wayne" | "wonka"): string =>
  path.join(installation.dataDir, "sqlite", ...tenants[name].database.split("."), "data.db");

const fileOpened: Plant = async (ground) => {
  await chmod(fileOf(ground, "wayne"), 0o644);
  return () => chmod(fileOf(ground, "wayne"), 0o600);
};

const filesSwapped: Plant = async (ground) => {
  const [one, other] = [fileOf(ground, "wayne"), fileOf(ground, "wonka")];
  const swap = async () => {
    await rename(one, `${one}.aside`);
    await rename(other, one);
    await rename(`${one}.aside`, other);
  };
  await swap();
  return swap;
};

const hostLedAstray: Plant = async ({ installation, tenants }) => {
  const lead = (environmentId: string) =>
    installation.sql("update routes set environment_id = $1 where hostname = 'acme.localhost'", [
      environmentId,
    ]);
  await lead(tenants.globex.environmentId);
  return () => lead(tenants.acme.environmentId);
};

const canarysHostLedAstray: Plant = async ({ installation }) => {
  const rows = await installation.sql<{ hostname: string; environment: string }>(
    `select hostname, environment_id as environment from routes
     where tenant_slug like 'tenantry-canary-shared-%' order by hostname`,
  );
  const [a, b] = [rows[0]!, rows[1]!];
  // As whoever changes routes: gateways follow the stream's version.
  const lead = (environment: string) =>
    installation.sql(
      `with moved as (update stream_versions set version = version + 1 where stream = 'routes' returning version)
       update routes set environment_id = $1, version = (select version from moved) where hostname = $2`,
      [environment, a.hostname],
    );
  await lead(b.environment);
  return () => lead(a.environment);
};

const sessionRebound: Plant = async ({ installation, tenants }) => {
  const [user, session] = [randomUUID(), randomUUID()];
  await installation.sql(
    "insert into users (id, tenant_id, email, role) select $1, e.tenant_id, 'eve@example.com', 'viewer' from environments e where e.id = $2",
    [user, tenants.acme.environmentId],
  );
  await installation.sql(
    `insert into sessions (id, token_hash, user_id, tenant_id, environment_id, expires_at)
     select $1, $2, $3, e.tenant_id, e.id, now() + interval '1 hour' from environments e where e.id = $4`,
    [session, randomBytes(32), user, tenants.globex.environmentId],
  );
  return () => installation.sql("delete from users where id = $1", [user]);
};

/** Changes where an environment's cache or files are said to lie. */
function placed(
  kind: "storage" | "cache",
  name: (ground: Ground) => string,
  whose: "acme" | "initech" = "acme",
): Plant {
  return async (ground) => {
    const { installation, tenants } = ground;
    const { environmentId } = tenants[whose];
    const [before] = await installation.sql<{ name: string }>(
      "select physical_name as name from placements where environment_id = $1 and kind = $2 and state = 'current'",
      [environmentId, kind],
    );
    const set = (physicalName: string) =>
      installation.sql("update placements set physical_name = $3 where environment_id = $1 and kind = $2", [
        environmentId,
        kind,
        physicalName,
      ]);
    await set(name(ground));
    return () => set(before!.name);
  };
}

const workOnNeighbour: Plant = async ({ installation, tenants }) => {
  const id = randomUUID();
  await installation.sql(
    `insert into operations (id, kind, definition_version, tenant_id, environment_id, status, exclusive)
     select $1, 'test', 1, e.tenant_id, $3, 'succeeded', false from environments e where e.id = $2`,
    [id, tenants.acme.environmentId, tenants.globex.environmentId],
  );
  return () => installation.sql("delete from operations where id = $1", [id]);
};

/** Beside the shared database: which probes name the leak, and how. */
export const placeLeaks: readonly Leak[] = [
  {
    what: "everybody may connect to a tenant's database",
    group: 11,
    plant: connectForAll,
    named: /gets into tn_|PUBLIC may CONNECT/,
    through: ["database.other-database", "database.catalog"],
  },
  {
    what: "a tenant's schema was opened",
    group: 11,
    plant: schemaOpened,
    named: /reads tns_|use the schema/,
    through: ["database.other-schema", "database.catalog"],
  },
  {
    what: "a tenant's directory was opened",
    group: 11,
    plant: directoryOpened,
    named: /open to other users/,
    through: ["storage.place"],
  },
  {
    what: "a tenant's SQLite file was opened",
    group: 11,
    plant: fileOpened,
    named: /data\.db is open to other users/,
    through: ["database.catalog"],
  },
  {
    what: "two tenants' SQLite files were swapped",
    group: 12,
    plant: filesSwapped,
    named: /is another database's/,
    through: ["database.catalog"],
  },
  {
    what: "a link leads to a neighbour's directory",
    group: 11,
    plant: linkToNeighbour,
    named: /holiday leads to/,
    through: ["storage.fs-links"],
  },
  {
    what: "a host leads to a neighbour's environment",
    group: 11,
    plant: hostLedAstray,
    named: /acme\.localhost.*another's/,
    through: ["registry.routes"],
  },
  {
    what: "a session was bound to another tenant",
    group: 11,
    plant: sessionRebound,
    named: /good in another/,
    through: ["registry.sessions"],
  },
  {
    what: "a cache's prefix was removed",
    group: 11,
    plant: placed("cache", () => ""),
    named: /cache has no place of its own/,
    through: ["registry.placements"],
  },
  {
    what: "files' prefix was removed",
    group: 12,
    plant: placed("storage", () => "", "initech"),
    named: /called ""/,
    through: ["storage.place"],
  },
  {
    what: "a cache's prefix became another",
    group: 12,
    plant: placed("cache", () => "everybody"),
    named: /called "everybody"/,
    through: ["cache.place"],
  },
  {
    what: "an operation works on a neighbour",
    group: 11,
    plant: workOnNeighbour,
    named: /works on another's environment/,
    through: ["registry.contexts"],
  },
  {
    what: "a role may become a neighbour's",
    group: 12,
    plant: becomesNeighbour,
    named: /becomes tnr_|is a member of/,
    through: ["database.become-neighbour", "database.catalog"],
  },
  {
    what: "the gateway passes a canary on as another",
    group: 12,
    plant: canarysHostLedAstray,
    named: /instead of tnt_/,
    through: ["gateway.identity"],
  },
  {
    what: "two tenants' files lie in one place",
    group: 12,
    plant: placed("storage", ({ tenants }) => tenants.globex.directory),
    named: /storage lies in the same place/,
    through: ["registry.placements"],
  },
  {
    what: "a role is a superuser",
    group: 13,
    plant: readsFiles,
    named: /reads the server's files|rights beyond/,
    through: ["database.server-files", "database.catalog"],
  },
];
