import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestSite, testSite } from "../../testing/gateway.ts";
import { getRequest, parseAnswer, type RawConnection } from "../../testing/raw-http.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let site: TestSite;
const held: ServerResponse[] = [];

beforeAll(async () => {
  site = await testSite({ limits: { upstreamConnections: 8, upstreamPending: 8 } });
  await site.registry.routes(["other.localhost"], { upstreamId: site.upstreamId });
  await site.tested.caughtUp();
  site.answer = (request, response) => {
    if (request.url === "/held") held.push(response);
    else response.end("hello");
  };
});
afterAll(() => site?.stop());

const other = (path = "/") => getRequest(path).replace("acme.localhost", "other.localhost");
const busy = () => site.tested.gateway.stats().refusals.busy ?? 0;

test("one tenant's visitors, slow and many, leave its neighbours connections to the application, and places to wait for one", async () => {
  const before = busy();
  const many: RawConnection[] = Array.from({ length: 20 }, () => site.connect());
  for (const one of many) one.write(getRequest("/held"));
  await waitUntil("six are answered slowly, six wait, and eight are refused", () => {
    return held.length === 6 && busy() === before + 8;
  });
  const neighbours = Array.from({ length: 8 }, () => site.exchange(other()));
  for (const text of await Promise.all(neighbours)) expect(parseAnswer(text).body).toBe("hello");
  expect(held).toHaveLength(6);
  for (const response of held.splice(0)) response.end("at last");
  await waitUntil("those that waited have their turn", () => held.length === 6);
  for (const response of held.splice(0)) response.end("at last");
  const bodies = await Promise.all(many.map(async (one) => parseAnswer(await one.closed()).body));
  expect(bodies.filter((body) => body === "at last")).toHaveLength(12);
});

test("visitors who leave, waiting or answered, give back what they had", async () => {
  for (let round = 0; round < 3; round += 1) {
    const before = busy();
    const many = Array.from({ length: 20 }, () => site.connect());
    for (const one of many) one.write(getRequest("/held"));
    await waitUntil("they have all that they may", () => held.length === 6 && busy() === before + 8);
    for (const one of many) one.socket.destroy();
    await waitUntil("they are gone", () => site.tested.gateway.stats().active === 0);
    held.length = 0;
  }
});
