import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { type TestKitAddress, testKitProtocol } from "@tenantry/contract";
import { lockDataDir } from "../../infra/data-dir-lock/index.ts";
import { createLog } from "../../infra/log/index.ts";
import { StartRefused } from "../../kernel/index.ts";
import { requireNode } from "../node-version.ts";
import { stopOnSignal } from "../signals.ts";
import { reportStartFailure } from "../terminal.ts";
import { type Host, startHost } from "./host.ts";
import { createTestInstallation } from "./installation.ts";
import { createHostApi } from "./routes.ts";

requireNode();

/** Another host keeps the directory: whoever started this one finds that one instead. */
const exitInUse = 3;
/** Whoever started the host has so long to come. */
const firstComerMs = 30_000;

/** The host of an application's tests. It ends by itself when nobody has tested for a while. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { directory: { type: "string" }, "keep-warm-ms": { type: "string", default: "600000" } },
  });
  const directory = path.resolve(values.directory ?? ".");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await lockDataDir(directory);
  const log = createLog();
  const key = randomBytes(24).toString("base64url");
  const keepWarmMs = Number(values["keep-warm-ms"]);
  const idle = idleTimer(() => running.stop());
  let host: Host | undefined;
  const api = createHostApi({
    host: () => host!,
    installation: () => installation,
    key,
    onMembers: () => (host!.tenancy.members().length === 0 ? idle.begin(keepWarmMs) : idle.over()),
    stop: () => void running.stop(),
  });
  const running = {
    async stop() {
      await removeAddress(directory);
      await api.close();
      await host?.stop();
      process.exit(0);
    },
  };
  host = await startHost({ directory, log });
  const issuer = await api.listen({ host: "127.0.0.1", port: 0 });
  const installation = createTestInstallation({ serverId: host.serverId, issuer });
  stopOnSignal(running, log);
  await writeAddress(directory, { url: issuer, key, pid: process.pid, protocol: testKitProtocol });
  idle.begin(Math.max(keepWarmMs, firstComerMs));
  await host.exited;
  await removeAddress(directory);
}

/** Calls back when it has gone on for so long. */
function idleTimer(end: () => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  return {
    over: () => clearTimeout(timer),
    begin(afterMs: number) {
      clearTimeout(timer);
      timer = setTimeout(() => void end(), afterMs);
    },
  };
}

const addressFile = (directory: string): string => path.join(directory, "host.json");

async function writeAddress(directory: string, address: TestKitAddress): Promise<void> {
  const draft = `${addressFile(directory)}.${process.pid}`;
  await writeFile(draft, JSON.stringify(address), { mode: 0o600 });
  await rename(draft, addressFile(directory));
}

/** Somebody may have removed the directory, and another host may be there by now. */
async function removeAddress(directory: string): Promise<void> {
  const text = await readFile(addressFile(directory), "utf8").catch(() => "{}");
  if ((JSON.parse(text) as Partial<TestKitAddress>).pid !== process.pid) return;
  await rm(addressFile(directory), { force: true });
}

main().catch((error: unknown) => {
  if (error instanceof StartRefused && error.code === "data_dir_in_use") process.exit(exitInUse);
  reportStartFailure(error);
  process.exit(1);
});
