export { downCommand } from "./down.ts";
export { logsCommand } from "./logs.ts";
export { doctorCommand, serveCommand } from "./run-server.ts";
export { upCommand } from "./up.ts";
