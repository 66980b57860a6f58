import { createGateway } from "../../packages/server/src/gateway/index.ts";
import { createDb, createNotifications } from "../../packages/server/src/infra/db/index.ts";
import { createLog } from "../../packages/server/src/infra/log/index.ts";
import { testSigner } from "../../packages/server/src/testing/gateway.ts";

const settings = JSON.parse(process.argv[2]!) as { databaseUrl: string; snapshotFile: string };
const log = createLog({ level: "warn" });
const applicationName = "bench gateway";
const gateway = createGateway({
  db: createDb({ url: settings.databaseUrl, applicationName, maxConnections: 2 }),
  notifications: createNotifications({ url: settings.databaseUrl, applicationName, log }),
  log,
  snapshotFile: settings.snapshotFile,
  signer: testSigner().signer,
  listen: { port: 0 },
});
process.on("SIGINT", () => process.exit(0));
const { port } = await gateway.start();
process.stdout.write(`${port}\n`);
