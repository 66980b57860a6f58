import { expect, test } from "vitest";
import { embeddedLikeServer } from "../../../testing/database-servers.ts";
import { runAt } from "../driver.testsuite.ts";
import { checkServer } from "./check-server.ts";
import { protectionOf, protectionWarnings } from "./tls.ts";
import { urlAs, urlTo, withoutSessionParameters } from "./url.ts";

test("a server is looked at before it is used: what is missing is named, the password never", async () => {
  const { url, stop } = await embeddedLikeServer();
  try {
    const as = (user: string, password = "hush") => urlAs(url, { user, password, database: "postgres" });
    await runAt(
      url,
      "create role weak login password 'hush'",
      "create role maker login createdb createrole password 'hush'",
    );
    expect(await checkServer(url)).toMatchObject({
      usable: true,
      superuser: true,
      versionNumber: 180_004,
      warnings: [],
    });
    expect(await checkServer(as("maker"))).toMatchObject({ usable: true, superuser: false });
    expect(await checkServer(as("weak"))).toEqual({
      usable: false,
      missing: [
        "The role weak may not make databases: alter role weak createdb.",
        "The role weak may not make roles: alter role weak createrole.",
      ],
    });
    expect(await checkServer(as("maker", "wr0ng"))).toEqual({
      usable: false,
      missing: [
        'It can\'t be connected to: password authentication failed for user "maker". Check user and password.',
      ],
    });
    await runAt(url, "alter role maker set default_transaction_read_only = on");
    expect(await checkServer(as("maker"))).toEqual({
      usable: false,
      missing: ["It is read-only; the primary server is needed."],
    });
    expect(await checkServer(`${urlTo(url, "postgres")}?sslmode=require`)).toEqual({
      usable: false,
      missing: [
        "It can't be connected to: The server does not support SSL connections. Turn ssl on at the server, or leave sslmode out where the network is yours alone.",
      ],
    });
  } finally {
    await stop();
  }
});

test.each([
  [
    "postgres://u:hush@127.0.0.1:1/postgres",
    /^It can't be connected to: connect ECONNREFUSED .*\. Check host and port/,
  ],
  [
    "postgres://u:hush@nowhere.invalid/postgres",
    /^It can't be connected to: getaddrinfo .*\. Check the host's name/,
  ],
])("a server that isn't there at %s is unusable, not an error", async (url, missing) => {
  const check = await checkServer(url);
  expect(check).toMatchObject({ usable: false, missing: [expect.stringMatching(missing)] });
  expect(JSON.stringify(check)).not.toContain("hush");
});

test.each([
  ["postgres://a:b@host:1/x", "postgres://u:p%40@host:1/d"],
  ["postgresql://host/x?sslmode=require", "postgresql://u:p%40@host/d?sslmode=require"],
  ["postgres://a:b@[::1]:5432/x", "postgres://u:p%40@[::1]:5432/d"],
  ["postgres://a@/x?host=/run/postgresql", "postgres://u:p%40@/d?host=/run/postgresql"],
])("%s with another login and database keeps host and parameters", (from, to) => {
  expect(urlAs(from, { user: "u", password: "p@", database: "d" })).toBe(to);
});

test("a URL can't set what our own sessions are known by", () => {
  const url = "postgres://u:p@h/d?sslmode=require&application_name=x&options=-c%20role%3Dx&host=/run";
  expect(withoutSessionParameters(url)).toBe("postgres://u:p@h/d?sslmode=require&host=/run");
  expect(withoutSessionParameters("postgres://u:p@h/d?options=x")).toBe("postgres://u:p@h/d");
});

test.each([
  ["postgres://u:p@db.internal/d", "none"],
  ["postgres://u:p@db.internal/d?sslmode=disable", "none"],
  ["postgres://u:p@db.internal/d?sslmode=no-verify", "encrypted"],
  ["postgres://u:p@db.internal/d?sslmode=require&uselibpqcompat=true", "encrypted"],
  ["postgres://u:p@db.internal/d?sslmode=require", "verified"],
  ["postgres://u:p@db.internal/d?sslmode=verify-full&sslrootcert=/ca.pem", "verified"],
  ["postgres://u:p@127.0.0.1:5433/d", "local"],
  ["postgres://u:p@[::1]/d", "local"],
  ["postgres://u@/d?host=/run/postgresql", "local"],
])("the way to %s is protected so: %s", (url, protection) => {
  expect(protectionOf(url)).toBe(protection);
  expect(protectionWarnings(url)).toHaveLength(protection === "none" || protection === "encrypted" ? 1 : 0);
});
