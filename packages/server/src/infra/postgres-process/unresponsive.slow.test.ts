import { expect, test } from "vitest";
import { directoryWithCluster, query, recordingLog, startInChild } from "../../testing/embedded-postgres.ts";
import { startEmbeddedPostgres } from "./index.ts";

test("a server that was left behind and doesn't answer any more is replaced", async () => {
  await using directory = await directoryWithCluster();
  const first = await startInChild(directory.path);
  await query(first.postgres.url, "create table kept as select 42 as answer");
  await first.kill();
  process.kill(first.postgres.pid, "SIGSTOP");
  const { log, fieldsOf } = recordingLog();
  const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
  expect(fieldsOf("postgres.replaced")).toMatchObject({ reason: "it doesn't answer" });
  expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  await second.stop();
});
