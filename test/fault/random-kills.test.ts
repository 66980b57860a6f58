import { copyFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { OperationReply, TenantReply } from "@tenantry/contract";
import { beforeAll, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { createApplication, createTurmoil, randomFrom } from "../support/turmoil.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

/**
 * `RANDOM_KILLS=50 npx vitest run test/fault/random-kills.test.ts` goes on for a quarter of an hour, with releases, too.
 * RANDOM_SEED makes the same calls again; when the kills fall depends on the machine.
 */
const suiteRounds = 1;
const rounds = Number(process.env.RANDOM_KILLS ?? suiteRounds);
const seed = Number(process.env.RANDOM_SEED ?? Date.now() % 1_000_000);

/** A fleet waits for databases that others work on. */
const longestMs = 180_000;

const installation = useInstallation();
const migrations: { name: string; sql: string }[] = [];
let directory: string;

function nextRelease() {
  const number = migrations.length + 1;
  migrations.push({
    name: `${String(number).padStart(4, "0")}.sql`,
    sql: `create table things_${number} (id integer primary key, name text not null);`,
  });
  const variables = { RELEASE: `${number}` };
  return { command: "node echo.mjs", workingDirectory: directory, variables, migrations };
}

beforeAll(async () => {
  directory = path.join(installation.directory, "echo");
  await mkdir(directory);
  const program = new URL("../support/applications/echo.mjs", import.meta.url);
  await copyFile(program, path.join(directory, "echo.mjs"));
  await createApplication(installation, "echo", nextRelease());
});

type Page<Item> = { items: Item[]; nextCursor: string | null };

/** All of a list, page by page. `where` ends so that more can be asked for. */
async function all<Item>(where: string): Promise<Item[]> {
  const found: Item[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const url: string = `${where}limit=100${cursor && `&cursor=${cursor}`}`;
    const { status, body } = await installation.api.call<Page<Item>>("GET", url);
    expect(status).toBe(200);
    found.push(...body.items);
    cursor = body.nextCursor;
  }
  return found;
}

async function operationsEnd(): Promise<void> {
  let left: OperationReply[] = [];
  await eventually(
    () => `all operations come to an end; but ${JSON.stringify(left)}`,
    async () => {
      left = await all("/v1/operations?status=queued,running,waiting,cancelling,undoing&");
      return left.length === 0;
    },
    longestMs,
  );
}

/** Visitors of each tenant get its own answer, or the one that its state asks for. */
async function pagesAreRight(): Promise<void> {
  for (const { slug, id, status, environments } of await all<TenantReply>("/v1/tenants?")) {
    if (status === "failed") continue;
    const open = status === "active" && environments[0]!.status === "ready";
    await eventually(`${slug}, which is ${status}, answers as it should`, async () => {
      const reply = await installation.visit(slug);
      if (!open) return reply.status === 503;
      return reply.status === 200 && (JSON.parse(reply.body) as { tenant: string }).tenant === id;
    });
  }
}

/** A copy fails when what is copied is deleted meanwhile, or its database is being migrated all the time. */
const explained = /"kind":"tenant\.clone".*"code":"(environment_unavailable|unavailable)"/;

async function unexplainedErrors(): Promise<string[]> {
  const log = await readFile(path.join(installation.dataDir, "logs/tenantry.log"), "utf8");
  return log.split("\n").filter((line) => /"level":[56]0/.test(line) && !explained.test(line));
}

it(
  `after kill -9 of everything at any moment, ${rounds} times over, all operations end, nothing is left over, and each tenant is served`,
  async () => {
    const random = randomFrom(seed);
    const release = rounds > suiteRounds ? nextRelease : undefined;
    const turmoil = createTurmoil(installation, { app: "echo", seed, release });
    for (let round = 1; round <= rounds; round += 1) {
      const over = new AbortController();
      const raging = turmoil.rage(over.signal);
      await Promise.race([raging, pause(1_500 + random() * 3_500)]);
      await installation.kill();
      over.abort();
      await raging;
      await installation.start();
      await operationsEnd();
      const stuck = await all<OperationReply>("/v1/operations?status=needs_operator&");
      expect(stuck, `seed ${seed}, round ${round}`).toEqual([]);
      await becomesWhole(installation);
      await pagesAreRight();
    }
    expect(await unexplainedErrors(), `seed ${seed}`).toEqual([]);
    // It was about something.
    expect(turmoil.done.filter((line) => / 20[0-9]$/.test(line)).length).toBeGreaterThan(2 * rounds);
  },
  rounds * 120_000 + longestMs,
);
