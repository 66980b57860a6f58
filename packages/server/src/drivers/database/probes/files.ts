import { fileURLToPath } from "node:url";
import { openSqlite } from "@tenantry/data";
import { breach, type Probe, type ProbeAnswer, refused } from "../../probe.ts";
import type { DatabaseGround } from "./ground.ts";
import { refusalOf } from "./refusal.ts";

/** From one file to another, by the SQL that an application's data path takes. */
export const fileProbes: readonly Probe<DatabaseGround>[] = [
  {
    id: "database.other-file",
    path: "database",
    title: "reach the neighbour's file from statements of its own (ATTACH, VACUUM INTO, PRAGMA, functions)",
    remedy: "Update the SDK in the application: its data path has to refuse such statements.",
    applies: ({ from, to }) => from.level === "sqlite" && to.level === "sqlite",
    run: reachFile,
  },
];

async function reachFile({ from, to, signal }: DatabaseGround): Promise<ProbeAnswer> {
  const path = `'${fileURLToPath(to.url).replaceAll("'", "''")}'`;
  const database = await openSqlite({ file: fileURLToPath(from.url), encryptionKey: from.encryptionKey });
  const attempts = [
    `attach database ${path} as neighbour`,
    `select 1; attach database ${path} as neighbour`,
    `vacuum into ${path}`,
    "pragma writable_schema = on",
    `select load_extension(${path})`,
    `select length(readfile(${path}))`,
    "select sql from sqlite_schema",
    "select * from pragma_database_list",
  ];
  try {
    for (const attempt of attempts) {
      const answer = await database.query(attempt, [], { signal }).catch((error: unknown) => {
        if (!refusalOf(error)) throw error;
      });
      if (answer) return breach(`A statement of the application's is taken: ${attempt.split("'")[0]}`);
    }
    return refused(`${attempts.length} statements tried`);
  } finally {
    await database.close();
  }
}
