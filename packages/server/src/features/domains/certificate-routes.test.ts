import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLocalAuthority } from "../../drivers/certificates/index.ts";
import { sql } from "../../infra/db/index.ts";
import { createSecrets } from "../../infra/secrets/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
});
afterAll(() => composed?.close());

const ask = () => composed.api.inject({ url: "/v1/certificates/authority", headers: composed.asOperator });

test("the authority is shown once a gateway has made it, without its key", async () => {
  await sql`truncate certificate_authorities`.execute(composed.registry.db);
  expect((await ask()).statusCode).toBe(404);
  const secrets = createSecrets(Buffer.alloc(32, 1));
  const made = await openLocalAuthority({ db: composed.registry.db, secrets, rootDomain: "localhost" });
  const shown = (await ask()).json();
  expect(shown).toEqual({
    rootDomain: "localhost",
    certificate: made.certificate,
    fingerprint: new X509Certificate(made.certificate).fingerprint256,
    expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
});

test("applications' keys don't see it", async () => {
  const { statusCode } = await composed.api.inject({
    url: "/v1/certificates/authority",
    headers: composed.asSites,
  });
  expect(statusCode).toBe(403);
});
