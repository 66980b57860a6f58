import { createHash } from "node:crypto";
import type { AppMigration, AppSchema, DatabaseServer, DriverContext, PostgresDriver } from "../driver.ts";
import { buildBlueprint } from "./build-blueprint.ts";
import { schemaFindings } from "./emit/emit-schema.ts";
import type { Finding } from "./emit/finding.ts";
import { located } from "./emit/locate.ts";
import { sharedFindings } from "./emit/shared/findings.ts";
import { sqliteFindings } from "./emit/sqlite-findings.ts";
import { blueprintName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { readBlueprint } from "./read-blueprint.ts";
import { remove } from "./remove.ts";

/** The same at every level: what each of them doesn't hold is read from one blueprint. */
export function trials(parts: DriverParts): Pick<PostgresDriver, "tryOut" | "findingsOf" | "nameOfTrial"> {
  return {
    tryOut: (context, request) => tryOut(parts, context, request),
    findingsOf: (context, request) => findingsOf(parts, context, request),
    nameOfTrial: (operationId, migrations) => blueprintName(trialSchema(parts, operationId, migrations)),
  };
}

async function tryOut(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; migrations: readonly AppMigration[] },
): Promise<Finding[]> {
  const { server, migrations } = request;
  const schema = trialSchema(parts, context.operationId, migrations);
  const name = await buildBlueprint(parts, context, { server, schema });
  const findings = await findingsOf(parts, context, { server, schema });
  await remove(parts, context, { server, thing: { kind: "database", name } });
  return findings;
}

async function findingsOf(
  parts: DriverParts,
  context: DriverContext,
  { server, schema }: { server: DatabaseServer; schema: AppSchema },
): Promise<Finding[]> {
  const catalog = await readBlueprint(parts, context, server, schema);
  const { migrations } = schema;
  const emitted = [schemaFindings(catalog), sharedFindings(catalog)].map((findings) =>
    inOrder(
      findings.map((finding) => located(finding, migrations)),
      migrations,
    ),
  );
  return [...emitted.flat(), ...(await sqliteFindings(migrations))];
}

/** As the files say things; what wasn't found in them comes last. */
function inOrder(findings: readonly Finding[], migrations: readonly AppMigration[]): Finding[] {
  const at = ({ file }: Finding) => {
    const index = migrations.findIndex(({ name }) => name === file);
    return index === -1 ? migrations.length : index;
  };
  return findings.toSorted((a, b) => at(a) - at(b) || (a.line ?? 0) - (b.line ?? 0));
}

/** The installation stands for the application; no two operations try in one database. */
function trialSchema(
  { installationId }: DriverParts,
  operationId: string,
  migrations: readonly AppMigration[],
): AppSchema {
  const own = migrations.map((migration) => {
    const checksum = createHash("sha256").update(`${operationId} ${migration.checksum}`).digest("hex");
    return { ...migration, checksum };
  });
  return { appId: installationId, migrations: own };
}
