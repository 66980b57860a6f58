import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { roles } from "../entry/roles.ts";
import { startInstallation as start } from "../entry/start.ts";
import { loadConfig } from "../infra/config/index.ts";
import { silentLog } from "../infra/log/index.ts";

/** A whole installation of this test's own: API, gateway, worker, embedded PostgreSQL and Sites. */
export type WholeInstallation = {
  url: string;
  gatewayUrl: string;
  apiKey: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
};

/** Starts it on free ports, in about four seconds. */
export async function startInstallation(): Promise<WholeInstallation> {
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-installation-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    // Applications run as other users and must pass to the tenants' files.
    await chmod(directory, 0o711);
    const dataDir = path.join(directory, "data");
    await mkdir(dataDir, { mode: 0o711 });
    const config = await loadConfig({ flags: { dataDir, apiPort: "0", gatewayPort: "0" }, environment: {} });
    const running = await start({ config, log: silentLog, roles: new Set(roles), owner: true });
    const { url, apiKey } = running.operator!;
    const stop = async () => {
      await running.stop();
      await remove();
    };
    return { url, gatewayUrl: running.gatewayUrl!, apiKey, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
