/**
 * A program of its own, for tests that kill it: puts an archive's first pieces into a place at the level `sqlite`, says
 * "half-way", and waits for ever.
 */
import { readFile } from "node:fs/promises";
import type { RowsPlace } from "../drivers/database/driver.ts";
import { createDatabaseDrivers } from "../drivers/database/index.ts";
import { newId } from "../kernel/index.ts";
import { testContext } from "./driver-context.ts";

const [place, archive, pieces] = JSON.parse(process.argv[2]!) as [RowsPlace, string, number];
const driver = createDatabaseDrivers({ installationId: newId() }).sqlite!;

async function* stalling() {
  const parts = JSON.parse(await readFile(archive, "utf8")) as string[];
  for (const part of parts.slice(0, pieces)) yield Buffer.from(part, "base64");
  process.stdout.write("half-way\n");
  await new Promise(() => setInterval(() => undefined, 60_000));
}

await driver.importRows(testContext(), place, stalling());
