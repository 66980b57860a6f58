import { pathToFileURL } from "node:url";
import type { DatabaseDriver } from "../driver.ts";
import { build, buildBlueprint } from "./build.ts";
import { closeFile, reopenFile } from "./close.ts";
import { placesOf } from "./directory.ts";
import { exportRows } from "./export-rows.ts";
import { importRows } from "./import-rows.ts";
import { list, measure, readForm, verify } from "./inspect.ts";
import { migrate } from "./migrate.ts";
import { fileName } from "./names.ts";
import { createFiles, type Files } from "./open-file.ts";
import type { SqliteOptions } from "./parts.ts";
import { remove } from "./remove.ts";
import { fileScripts } from "./run-script.ts";

/**
 * The level `sqlite`: a file for each environment, in a directory of its own which its application's user alone may
 * enter. Nobody logs in: who may open the file has all of it, so there are no roles and no logins.
 */
export function createSqliteDriver(options: SqliteOptions & { files?: Files } = {}): DatabaseDriver {
  const parts = { ...options, files: options.files ?? createFiles() };
  return {
    level: "sqlite",
    buildBlueprint: (context, request) => buildBlueprint(parts, context, request),
    nameOf: ({ appId, databaseId }) => ({ name: fileName(appId, databaseId), roleName: null }),
    // The blueprint is all that copies of it need.
    prepare: () => Promise.resolve(),
    build: (context, request) => build(parts, context, request),
    connectionUrl: (server, { name }) => pathToFileURL(placesOf(server).fileOf(name)).href,
    migrate: (context, request) => migrate(parts, context, request),
    inLane: ({ context, server, schema, onFile }, work) =>
      work((database) => migrate(parts, context, { server, schema, database }, onFile)),
    measure: (server, database) => measure(server, database),
    readForm: (server, database) => readForm(parts, server, database),
    verify: (server, database) => verify(parts, server, database),
    fileScripts: fileScripts(parts),
    exportRows: (context, place, sink) => exportRows(parts, context, place, sink),
    importRows: (context, place, archive) => importRows(parts, context, place, archive),
    close: (_context, place) => closeFile(parts, place),
    reopen: (_context, place) => reopenFile(parts, place),
    remove: (context, request) => remove(context, request),
    list: (server) => list(server),
  };
}
