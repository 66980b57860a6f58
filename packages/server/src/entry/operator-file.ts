import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { createApiKey, createKeyCheck } from "../features/access/index.ts";
import { type Db, inTransaction } from "../infra/db/index.ts";

/** What the CLI, and whoever scripts against this installation, needs: `.tenantry/operator.json`. */
export type OperatorFile = {
  url: string;
  gatewayUrl: string;
  /** The gateway under TLS; undefined where it runs in another process. */
  gatewayTlsUrl?: string | undefined;
  apiKey: string;
  databaseUrl: string;
};

/**
 * Writes where things are (mode 600), keeping the operator's key that stands there if it is still good, and making one
 * otherwise.
 */
export async function writeOperatorFile(
  db: Db,
  dataDir: string,
  places: Omit<OperatorFile, "apiKey">,
): Promise<OperatorFile & { file: string }> {
  const file = path.join(dataDir, "operator.json");
  const apiKey = (await goodKey(db, file)) ?? (await newKey(db));
  const content: OperatorFile = {
    url: places.url,
    gatewayUrl: places.gatewayUrl,
    gatewayTlsUrl: places.gatewayTlsUrl,
    apiKey,
    databaseUrl: places.databaseUrl,
  };
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
  return { ...content, file };
}

async function goodKey(db: Db, file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  const { apiKey } = parse(text);
  const principal = await createKeyCheck(db)(apiKey);
  return principal?.kind === "operator" ? apiKey : undefined;
}

function parse(text: string): { apiKey?: string } {
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content !== "object" || content === null || !("apiKey" in content)) return {};
    return typeof content.apiKey === "string" ? { apiKey: content.apiKey } : {};
  } catch {
    // Half a file from a full disk: made anew.
    return {};
  }
}

async function newKey(db: Db): Promise<string> {
  return (await inTransaction(db, (tx) => createApiKey(tx, { kind: "operator", name: "operator.json" }))).key;
}
