import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { createGate } from "../../kernel/index.ts";

type Cost = { memory: number; passes: number; parallelism: number };

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. About 20 ms of one core. */
const cost: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const tagLength = 32;

/**
 * Hashing runs on the thread pool, which files and DNS share. Two at a time leave the others half of it; whoever comes
 * when a hundred wait is told to come back. Tenants take turns: a flood of log-ins at one closes no other's door.
 */
const gate = createGate({ concurrency: 2, waiting: 100 });

/**
 * Hashes a password with a salt of its own, as a PHC string that carries its parameters. Throws `busy` under a flood.
 * `whose`: the tenant in whose name that is.
 */
export async function hashPassword(password: string, whose?: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await derive({ password, salt, cost, length: tagLength }, whose);
  return `$argon2id$v=19$${costText(cost)}$${encode(salt)}$${encode(tag)}`;
}

/** Whether the password is the one that was hashed. A hash that can't be read matches nothing. */
export async function verifyPassword(password: string, hash: string, whose?: string): Promise<boolean> {
  const parsed = parse(hash);
  if (!parsed) return false;
  const { salt, cost } = parsed;
  const tag = await derive({ password, salt, cost, length: parsed.tag.length }, whose);
  return timingSafeEqual(tag, parsed.tag);
}

/** Whether the hash was made with other parameters than today's, and should be made anew at the next log-in. */
export function needsRehash(hash: string): boolean {
  return !hash.startsWith(`$argon2id$v=19$${costText(cost)}$`);
}

const argon2Async: (algorithm: "argon2id", parameters: Argon2Parameters) => Promise<Buffer> =
  promisify(argon2);

type Derivation = { password: string; salt: Buffer; cost: Cost; length: number };

function derive({ password, salt, cost, length }: Derivation, whose: string | undefined) {
  // One text has one spelling, whichever keyboard it was typed on.
  const message = Buffer.from(password.normalize("NFKC"));
  const parameters = { message, nonce: salt, ...cost, tagLength: length };
  return gate.run(() => argon2Async("argon2id", parameters), whose);
}

function parse(hash: string): { cost: Cost; salt: Buffer; tag: Buffer } | undefined {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/]{11,88})\$([\w+/]{22,88})$/.exec(hash);
  if (!match) return undefined;
  const [memory, passes, parallelism] = match.slice(1, 4).map(Number) as [number, number, number];
  const [salt, tag] = match.slice(4).map((part) => Buffer.from(part, "base64")) as [Buffer, Buffer];
  return { cost: { memory, passes, parallelism }, salt, tag };
}

function costText({ memory, passes, parallelism }: Cost): string {
  return `m=${memory},t=${passes},p=${parallelism}`;
}

/** PHC strings carry base64 without padding. */
function encode(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
