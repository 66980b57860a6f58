import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { dataDirectory, directoryWithCluster, query, recordingLog } from "../../testing/embedded-postgres.ts";
import { startEmbeddedPostgres } from "./index.ts";

describe("a data directory", () => {
  test("may have spaces, quotes, commas, dollars and any script in its name", async () => {
    await using directory = await dataDirectory(`my "data", it's $HOME; 数据 ü \\`);
    const { log } = recordingLog();
    const first = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(first.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await reaches(path.join(first.socketDirectory ?? "", `.s.PGSQL.${first.port}`))).toBe(true);
    await first.stop();
  });

  test("may lie so deep that no socket fits: then the server is reached by TCP alone", async () => {
    await using directory = await directoryWithCluster("deep".repeat(60));
    const { log } = recordingLog();
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(server.socketDirectory).toBeUndefined();
    expect(await query(server.url, "show unix_socket_directories")).toEqual([
      { unix_socket_directories: "" },
    ]);
    await server.stop();
  });

  test("may be 900 bytes long, and is refused beyond that before anything is made", async () => {
    await using directory = await dataDirectory();
    const { log } = recordingLog();
    const nested = (bytes: number) => {
      const rest = bytes - Buffer.byteLength(directory.path) - 1;
      return path.join(
        directory.path,
        `${"long-name/".repeat(Math.floor(rest / 10))}${"x".repeat(rest % 10)}`,
      );
    };
    const server = await startEmbeddedPostgres({ dataDir: nested(899), log });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
    await expect(startEmbeddedPostgres({ dataDir: nested(903), log })).rejects.toMatchObject({
      code: "data_dir_unusable",
      message: expect.stringContaining("more than 900 bytes"),
    });
  });

  test("with a line break in its name, or a file in its place, is refused with a sentence", async () => {
    await using directory = await dataDirectory("a-file");
    const { log } = recordingLog();
    await writeFile(directory.path, "");
    await expect(startEmbeddedPostgres({ dataDir: `${directory.path}\nx`, log })).rejects.toMatchObject({
      code: "data_dir_unusable",
      message: expect.stringContaining("has a line break in its name"),
    });
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: "data_dir_unusable",
      message: expect.stringContaining("can't be made (EEXIST)"),
    });
  });
});

function reaches(socketFile: string): Promise<boolean> {
  const socket = connect({ path: socketFile });
  return new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}
