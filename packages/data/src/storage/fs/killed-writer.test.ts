import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFsStorage, tidyFsStorage } from "./index.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-killed-"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** A process that replaces one object with ever other content and type, until it is killed. */
function startWriter() {
  const script = `
    import { openFsStorage } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
    const storage = openFsStorage(process.argv[1]);
    for (let round = 0; ; round += 1) {
      const letter = "abcdefgh"[round % 8];
      await storage.put("deep/page", letter.repeat(round % 2 ? 200000 : 3), { contentType: "text/" + letter });
      process.stdout.write(".");
    }`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

describe("a writer killed at any moment", () => {
  it("leaves one whole version with its own type and checksum, and nothing that tidying doesn't remove", async () => {
    const storage = openFsStorage(directory);
    for (let round = 0; round < 8; round += 1) {
      const writer = startWriter();
      const exited = new Promise((resolve) => writer.once("exit", resolve));
      let puts = 0;
      await new Promise<void>((resolve) => {
        writer.stdout.on("data", (data: Buffer) => {
          puts += data.length;
          if (puts >= 3 + round) resolve();
        });
      });
      writer.kill("SIGKILL");
      await exited;
      const { body, contentType, etag, size } = await storage.get("deep/page");
      const content = await text(body);
      expect(content.length).toBe(size);
      expect(contentType).toBe(`text/${content[0]}`);
      expect(new Set(content).size).toBe(1);
      expect(etag).toMatch(/^[0-9a-f]{64}$/);
    }
    await tidyFsStorage(directory, { olderThanMs: -1000 });
    const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBe(2);
  });
});
