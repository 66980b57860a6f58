import { testGateway } from "../../packages/server/src/testing/gateway.ts";

const { databaseUrl } = JSON.parse(process.argv[2]!) as { databaseUrl: string };
const tested = await testGateway({ url: databaseUrl });
process.on("SIGTERM", () => void tested.stop().then(() => process.exit(0)));
process.stdout.write(`${tested.port}\n`);
