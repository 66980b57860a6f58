import type { Storage } from "@tenantry/data";
import type { Db, Tx } from "../../infra/db/index.ts";
import { type StepContext, step } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import type { Placements } from "../placements/index.ts";
import { selectHosts } from "../routing/index.ts";
import {
  beginSeeding,
  deleteSeeding,
  type PlaceholderValues,
  placeholderValues,
  readContent,
  type Seeding,
  selectTemplateFiles,
  type TemplateFileRow,
  updateSeedingTransaction,
} from "../templates/index.ts";
import { selectTenant } from "../tenants/index.ts";
import type { ProvisionInput } from "./provision-workflow.ts";
import type { PublicUrl } from "./tenant-view.ts";

export type SeedDependencies = {
  placements: Pick<Placements, "seedDatabase" | "endSeed">;
  /** An environment's files. */
  storageOf: (db: Db, environmentId: string) => Promise<Storage>;
  publicUrl: PublicUrl;
};

type Context = StepContext<ProvisionInput>;

const filesAtOnce = 4;
const reportEveryMs = 250;

/** Starter data [REG-11]: rows exactly once, files by putting them, which may be repeated. */
export function seedStep(deps: SeedDependencies) {
  return step<ProvisionInput>("seed-data", {
    title: "Put in the starter data",
    run: (context) => seed(deps, context),
    async undo(context) {
      const environmentId = context.environmentId!;
      await deps.placements.endSeed(context, environmentId);
      // The rows and files themselves go with their places.
      await context.transaction((tx) => deleteSeeding(tx, environmentId));
    },
  });
}

async function seed(deps: SeedDependencies, context: Context) {
  const environmentId = context.environmentId!;
  const { id, revision } = context.input.template!;
  const files = await selectTemplateFiles(context.db, { templateId: id, number: revision });
  const begun = await context.transaction((tx) =>
    beginSeeding(tx, { environmentId, operationId: context.operationId }),
  );
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const told = teller(context, bytes);
  const rows = await seedRows(deps, context, { files, begun, told });
  const stored = files.filter(({ kind }) => kind === "storage");
  if (stored.length > 0) await storeFiles(deps, context, stored, told);
  return { rows, files: stored.length, bytes };
}

type Told = (bytes: number) => Promise<void>;

/** Tells how far it is, a few times a second. */
function teller(context: Context, total: number): Told {
  let done = 0;
  let toldAt = Date.now();
  return async (bytes) => {
    done += bytes;
    if (Date.now() - toldAt < reportEveryMs) return;
    toldAt = Date.now();
    const megabytes = (count: number) => (count / 1_000_000).toFixed(1);
    await context.progress(done / Math.max(total, 1), `${megabytes(done)} of ${megabytes(total)} MB`);
  };
}

async function seedRows(
  { placements, publicUrl }: SeedDependencies,
  context: Context,
  { files, begun, told }: { files: readonly TemplateFileRow[]; begun: Seeding; told: Told },
): Promise<number> {
  const data = files.filter(({ kind }) => kind === "data");
  if (data.length === 0) return 0;
  const environmentId = context.environmentId!;
  const { rowsChanged } = await placements.seedDatabase(context, {
    environmentId,
    before: begun,
    files: data.map((file) => ({ name: file.name, read: () => readContent(context.db, file) })),
    values: await valuesFor(context.db, context, publicUrl),
    onRead: told,
    beforeCommit: (done) => context.transaction((tx) => updateSeedingTransaction(tx, environmentId, done)),
  });
  return rowsChanged;
}

async function storeFiles(
  { storageOf }: SeedDependencies,
  context: Context,
  files: readonly TemplateFileRow[],
  told: Told,
): Promise<void> {
  const storage = await storageOf(context.db, context.environmentId!);
  const left = files.values();
  const lane = async () => {
    for (const file of left) {
      context.signal.throwIfAborted();
      await context.assertLease();
      const contentType = file.contentType ?? "application/octet-stream";
      await storage.put(file.name, readContent(context.db, file), { contentType, signal: context.signal });
      await told(file.size);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: filesAtOnce }, lane));
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
}

/** What the placeholders of a template stand for in the tenant that is being made. */
export async function valuesFor(
  db: Db | Tx,
  context: Context,
  publicUrl: PublicUrl,
): Promise<PlaceholderValues> {
  const environmentId = context.environmentId!;
  const tenant = await selectTenant(db, context.tenantId!);
  if (!tenant) throw failure("tenant_not_found", { detail: "The tenant was deleted meanwhile." });
  const [host] = await selectHosts(db, [environmentId]);
  const url = host ? publicUrl(host.hostname) : "";
  return placeholderValues({ tenant, environmentId, environment: "production", url });
}
