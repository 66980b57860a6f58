// An application that tells what it was given. Plain JavaScript: it runs from a directory of its own, as another user.
import { createServer } from "node:http";

process.stdout.write("echo is starting\n");
createServer((request, response) => {
  if (request.url === "/crash") {
    process.stderr.write("echo was told to crash\n", () => process.exit(3));
    return;
  }
  response.setHeader("content-type", "application/json");
  response.end(
    JSON.stringify({
      uid: process.getuid(),
      variables: process.env,
      tenant: request.headers["tenantry-tenant"] ?? null,
    }),
  );
}).listen(Number(process.env.PORT), "127.0.0.1");
