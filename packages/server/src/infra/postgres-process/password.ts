import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { StartRefused } from "../../kernel/index.ts";
import type { Place } from "./place.ts";
import { run, tail } from "./run.ts";

/** The superuser's password, made on the first call and kept in `file` (mode 600). Whole or absent, never half. */
export async function ensurePassword(file: string): Promise<string> {
  if (existsSync(file)) return (await readFile(file, "utf8")).trim();
  const password = randomBytes(32).toString("base64url");
  const handle = await open(`${file}.new`, "w", 0o600);
  try {
    await handle.writeFile(`${password}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  return password;
}

/** Gives the superuser of a stopped cluster this password: for one whose password file was lost. */
export async function resetPassword(place: Place, password: string): Promise<void> {
  const result = await run(place.binaries.postgres, ["--single", "-D", place.cluster, "postgres"], {
    identity: place.identity,
    environment: place.environment,
    input: `alter role postgres password '${password}';\n`,
  });
  if (result.code !== 0 || result.output.includes("ERROR:")) {
    throw new StartRefused(
      "postgres_start_failed",
      `The password file of the cluster in ${place.cluster} is missing, and a new password couldn't be set. ` +
        `PostgreSQL's last words: ${tail(result.output)}`,
    );
  }
}
