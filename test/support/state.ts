import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Installation } from "./installation.ts";
import { databaseUrl, query } from "./registry.ts";

/**
 * Everything of an installation that has to outlive its processes: the registry's rows, those of tenants' databases, and
 * tenants' files. Two of them are equal when nothing was lost and nothing changed.
 */
export async function stateOf(installation: Installation): Promise<Record<string, unknown>> {
  const [registry] = await installation.sql<{ rows: Record<string, unknown> }>(registryState);
  const databases = await installation.sql<{ name: string }>(
    "select name from databases where state = 'in_use' order by name",
  );
  const pages = await Promise.all(
    databases.map(({ name }) => query(databaseUrl(installation.registryUrl, name), "table public.pages")),
  );
  return { ...registry!.rows, pages, files: await filesOf(path.join(installation.dataDir, "storage")) };
}

const registryState = `
  select jsonb_build_object(
    'installation', (select jsonb_agg(to_jsonb(i)) from installation i),
    'tenants', (select jsonb_agg(to_jsonb(t) order by id) from tenants t),
    'environments', (select jsonb_agg(to_jsonb(e) order by id) from environments e),
    'placements', (select jsonb_agg(to_jsonb(p) order by id) from placements p),
    'databases', (select jsonb_agg(to_jsonb(d) order by id) from databases d where state = 'in_use'),
    'routes', (select jsonb_agg(to_jsonb(r) order by hostname) from routes r),
    'settings', (select jsonb_agg(to_jsonb(s) order by scope_id, key) from settings s),
    'users', (select jsonb_agg(to_jsonb(u) order by id) from users u),
    'apps', (select jsonb_agg(to_jsonb(a) order by id) from apps a),
    'releases', (select jsonb_agg(to_jsonb(r) order by id) from releases r),
    'keys', (select jsonb_agg(to_jsonb(k) - 'last_used_at' order by id) from api_keys k where instance_id is null)
  ) as rows`;

/** By path: what each file holds. */
async function filesOf(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const hashes = await Promise.all(
    files.map(async (file) =>
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    ),
  );
  return Object.fromEntries(files.map((file, index) => [path.relative(root, file), hashes[index]!]));
}
