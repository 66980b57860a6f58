import { createTenantry } from "@tenantry/sdk";
import { createLog } from "./log.ts";
import { startServer } from "./server.ts";

const log = createLog(process.stdout);

/** Whatever can't be mended by waiting ends the process with one sentence. */
function giveUp(error: unknown): never {
  process.stderr.write(`Sites can't run: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

try {
  const port = Number(process.env.PORT);
  if (!process.env.PORT || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error("PORT should be the number of the port to listen on.");
  }
  const tenantry = createTenantry({ log });
  const server = await startServer({ tenantry, port, log });
  log.info({ port: server.port }, "sites.listening");
  let stopping = false;
  const stop = (): void => {
    stopping = true;
    server.stop().then(() => process.exit(0), giveUp);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  await server.ready.catch((error: unknown) => {
    if (!stopping) throw error;
  });
  if (!stopping) log.info({}, "sites.ready");
} catch (error) {
  giveUp(error);
}
