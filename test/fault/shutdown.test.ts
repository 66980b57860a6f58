import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { isAlive } from "../support/process-tree.ts";
import { useInstallation } from "../support/use-installation.ts";

/**
 * Answers /slow only when the API says that the node is about to stop: were the API or the application itself ended
 * first, no answer would come.
 */
const application = `
  import { createServer } from "node:http";
  const ask = async (path) => (await fetch(process.env.TENANTRY_URL + path)).status;
  createServer(async (request, response) => {
    if (request.url !== "/slow") return response.end("quick");
    response.write("begun;");
    while ((await ask("/readyz")) !== 503) await new Promise((resolve) => setTimeout(resolve, 20));
    response.end("readyz 503; healthz " + (await ask("/healthz")));
  }).listen(process.env.PORT, "127.0.0.1");
`;

const installation = useInstallation();
beforeAll(async () => {
  const workingDirectory = path.join(installation.directory, "slow");
  await mkdir(workingDirectory);
  await writeFile(path.join(workingDirectory, "slow.mjs"), application);
  const app = { slug: "slow", command: "node slow.mjs", workingDirectory, migrations: [] };
  const { body } = await installation.api.call<{ operationId: string }>("POST", "/v1/apps", app);
  expect((await installation.api.ended(body.operationId)).status).toBe("succeeded");
  await installation.api.createTenant("acme", { app: "slow" });
});

it("Ctrl-C lets a request be answered by its application and the API, takes nobody new, and leaves no process", async () => {
  const { gatewayPort } = installation;
  const processes = installation.processes();
  const socket = connect(gatewayPort, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.write(`GET /slow HTTP/1.1\r\nHost: acme.localhost:${gatewayPort}\r\n\r\n`);
  await eventually("the application has begun its answer", () => answer.includes("begun;"));

  const startedAt = performance.now();
  const { code } = await installation.interrupt();
  await ended;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain("readyz 503; healthz 200");
  expect(code).toBe(0);
  // What waits for a deadline would take ten seconds.
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  await expect(ask(gatewayPort, "acme.localhost", "/")).rejects.toThrow("ECONNREFUSED");
  expect(processes.filter(isAlive)).toEqual([]);
});

it("a stop while nobody asks for anything waits for no deadline", async () => {
  const startedAt = performance.now();
  expect((await installation.interrupt()).code).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
