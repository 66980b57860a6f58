// An application whose every start leaves a daemon: in a session of its own, without parent and without our variables.
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";

spawnSync("sh", ["-c", "setsid setsid env -i /bin/sleep $SECONDS_TO_SLEEP </dev/null >/dev/null 2>&1 &"]);
createServer((_request, response) => response.end("well")).listen(Number(process.env.PORT), "127.0.0.1");
