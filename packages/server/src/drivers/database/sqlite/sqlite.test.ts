import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { newId } from "../../../kernel/index.ts";
import { openTestFile, runInFile } from "../../../testing/sqlite-file.ts";
import { databaseDriverSuite } from "../driver.testsuite.ts";
import type { BuildRequest, BuiltDatabase, DatabaseDriver } from "../driver.ts";
import { openSqliteDirectory } from "./directory.ts";
import { createSqliteDriver } from "./index.ts";

for (const encrypted of [false, true]) {
  databaseDriverSuite(`level sqlite, ${encrypted ? "encrypted" : "not encrypted"}`, () => harness(encrypted));
}

async function harness(encrypted: boolean) {
  const root = await mkdtemp(path.join(tmpdir(), "tenantry-sqlite-"));
  const directory = openSqliteDirectory(path.join(root, "files"));
  const server = { id: await directory.claim(newId()), url: directory.url };
  const encryptionKey = encrypted ? Buffer.alloc(32, 7).toString("base64") : undefined;
  const plain = createSqliteDriver();
  // Whoever calls a driver keeps the key: here it is one for all.
  const driver: DatabaseDriver = {
    ...plain,
    build: (context, request: BuildRequest) => plain.build(context, { ...request, encryptionKey }),
    migrate: (context, request) =>
      plain.migrate(context, { ...request, database: { ...request.database, encryptionKey } }),
    inLane: (request, work) =>
      plain.inLane!(request, (migrate) => work((database) => migrate({ ...database, encryptionKey }))),
    verify: (at, database) => plain.verify(at, { ...database, encryptionKey }),
  };
  const fileOf = (built: BuiltDatabase) => new URL(driver.connectionUrl(server, built)).pathname;
  return {
    driver,
    server,
    noSuchColumn: '0002.sql, line 3: column "wrong" of relation "notes" does not exist.',
    close: () => rm(root, { recursive: true, force: true }),
    run: (built: BuiltDatabase, statements: readonly string[]) =>
      runInFile({ file: fileOf(built), encryptionKey }, ...statements),
    async connect(built: BuiltDatabase): Promise<AsyncDisposable> {
      const file = await openTestFile({ file: fileOf(built), encryptionKey });
      await file.run("select body from notes");
      return file;
    },
  };
}
