import pg from "pg";
import { expect, test } from "vitest";
import { urlAs } from "./url.ts";

const login = { user: "tnr_1", password: "own: secret", database: "tn_1" };

test.each([
  "postgres://admin:secret@db.example:5433/postgres",
  "postgres://admin:secret@db.example:5433/postgres?user=admin&password=secret",
  "postgres://admin@db.example:5433/postgres?%75ser=admin&passwor%64=secret&sslmode=disable",
  "postgres://admin:secret@db.example:5433/postgres?database=postgres&options=-c%20role%3Dadmin",
])("whatever the server's URL says (%s), a client logs in as whom it is given to", (serverUrl) => {
  const client = new pg.Client({ connectionString: urlAs(serverUrl, login) });
  const { user, password, database, host, port } = client;
  expect({ user, password, database }).toEqual(login);
  expect({ host, port }).toEqual({ host: "db.example", port: 5433 });
  expect(urlAs(serverUrl, login)).not.toMatch(/admin|=secret/);
});

test("how the server is reached stays as it was said", () => {
  const query = "?host=%2Fvar%2Frun%2Fpostgresql&sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem";
  expect(urlAs(`postgres://admin:secret@/postgres${query}`, login)).toBe(
    `postgres://tnr_1:own%3A%20secret@/tn_1${query}`,
  );
});
