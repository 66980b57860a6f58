import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { clientHello } from "../../testing/gateway-tls.ts";
import { readClientHello } from "./client-hello.ts";

let real: Buffer;
beforeAll(async () => {
  real = await clientHello({ servername: "Acme.localhost", ALPNProtocols: ["h2", "http/1.1"] });
});

test("the name is read as the route table spells it, once all of the hello is there", () => {
  for (let length = 0; length < real.length; length += 1) {
    expect(readClientHello(real.subarray(0, length))).toBeUndefined();
  }
  expect(readClientHello(real)).toEqual({ hostname: "acme.localhost" });
});

test("a hello that is cut into many records is put together", () => {
  const message = real.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 100) {
    const part = message.subarray(at, at + 100);
    records.push(Buffer.of(22, 3, 1, part.length >> 8, part.length & 255), part);
  }
  expect(readClientHello(Buffer.concat(records))).toEqual({ hostname: "acme.localhost" });
});

test("without a name there is none", async () => {
  expect(readClientHello(await clientHello({ servername: "" }))).toEqual({ hostname: undefined });
});

describe("no name is read", () => {
  const named = (name: string) => {
    const at = real.indexOf("Acme.localhost");
    const changed = Buffer.from(real);
    changed.write(name.padEnd("Acme.localhost".length, "x"), at, "latin1");
    return readClientHello(changed);
  };
  test.each(["acme:localhost", "acme..localhos", "acme localhost", "acme\0localhost", "m\xfcnchen.local"])(
    "%j",
    (name) => {
      expect(named(name)).toEqual({ hostname: undefined });
    },
  );
});

test.each([
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n")],
  ["another version", Buffer.of(22, 2, 0, 0, 10)],
  ["an alert", Buffer.of(21, 3, 1, 0, 2, 1, 0)],
  ["an empty record", Buffer.of(22, 3, 1, 0, 0)],
  ["a record that is too long", Buffer.of(22, 3, 1, 255, 255)],
  ["another message", Buffer.of(22, 3, 1, 0, 4, 2, 0, 0, 0)],
  ["a message that is too long", Buffer.of(22, 3, 1, 0, 4, 1, 255, 255, 255)],
  ["a hello that ends early", Buffer.of(22, 3, 1, 0, 4, 1, 0, 0, 0)],
])("%s isn't a hello", (_name, bytes) => {
  expect(readClientHello(bytes)).toBe("other");
});

test("any bytes get an answer, also those that are nearly a hello", () => {
  const judge = (bytes: Buffer) => {
    const answer = readClientHello(bytes);
    expect(answer === undefined || answer === "other" || typeof answer === "object").toBe(true);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => judge(Buffer.from(bytes))));
  const change = fc.tuple(fc.nat(real.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      const bytes = Buffer.from(real);
      for (const [at, byte] of changes) bytes[at] = byte;
      judge(bytes);
    }),
  );
});
