import pg from "pg";
import { InvalidArgument } from "../errors.ts";

/** Value of a parameter as it is sent: text, bytes, or none. */
export type SentValue = string | Buffer | null;

// What pg's types leave out.
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): SentValue | undefined } })
  .utils;

/** The protocol counts them in two bytes. */
const mostValues = 65_535;

/** Values of an application as pg sends them. Throws for those that can't be turned into text. */
export function sentValues(values: readonly unknown[]): SentValue[] {
  if (values.length > mostValues)
    throw new InvalidArgument(`A statement has ${mostValues.toLocaleString("en")} values at most.`);
  return values.map((value) => prepareValue(value) ?? null);
}

const code = { bind: 0x42, close: 0x43, parse: 0x50 } as const;

/** Of the unnamed portal; the rest of each never changes. */
const describe = Buffer.from([0x44, 0, 0, 0, 6, 0x50, 0]);
const execute = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const sync = Buffer.from([0x53, 0, 0, 0, 4]);

/** Shorter texts get room for the most that they may take; of longer ones it is counted. */
const shortText = 1_000;
const longestCharacter = 3;

/**
 * What is sent to the server in one piece: messages of PostgreSQL's protocol, one behind the other. One write instead of one
 * for each saves more than it takes to put them together.
 */
export class MessageWriter {
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;

  /** Lets the server forget a prepared statement. */
  close(name: string): void {
    const begin = this.#begin(code.close);
    this.#text("S");
    this.#terminated(name);
    this.#end(begin);
  }

  parse(name: string, text: string): void {
    const begin = this.#begin(code.parse);
    this.#terminated(name);
    this.#terminated(text);
    this.#int16(0);
    this.#end(begin);
  }

  /** Into the unnamed portal; its answers come as text. */
  bind(name: string, values: readonly SentValue[]): void {
    const begin = this.#begin(code.bind);
    this.#terminated("");
    this.#terminated(name);
    this.#int16(values.length);
    for (const value of values) this.#int16(typeof value === "string" || value === null ? 0 : 1);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#int16(0);
    this.#end(begin);
  }

  describe(): void {
    this.#add(describe);
  }

  execute(): void {
    this.#add(execute);
  }

  /** All that was written, with the Sync that ends it. */
  finish(): Buffer {
    this.#add(sync);
    return this.#bytes.subarray(0, this.#length);
  }

  #begin(of: number): number {
    this.#make(5);
    const begin = this.#length;
    this.#bytes[begin] = of;
    this.#length += 5;
    return begin;
  }

  /** A message's length counts itself and what follows, not its code. */
  #end(begin: number): void {
    this.#bytes.writeInt32BE(this.#length - begin - 1, begin + 1);
  }

  #value(value: SentValue): void {
    this.#make(4);
    const begin = this.#length;
    this.#length += 4;
    if (typeof value === "string") this.#text(value);
    else if (value !== null) this.#add(value);
    this.#bytes.writeInt32BE(value === null ? -1 : this.#length - begin - 4, begin);
  }

  #terminated(text: string): void {
    this.#text(text);
    this.#make(1);
    this.#bytes[this.#length] = 0;
    this.#length += 1;
  }

  #text(text: string): void {
    if (text === "") return;
    this.#make(text.length < shortText ? text.length * longestCharacter : Buffer.byteLength(text));
    this.#length += this.#bytes.write(text, this.#length);
  }

  #add(bytes: Uint8Array): void {
    this.#make(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #int16(value: number): void {
    this.#make(2);
    this.#bytes.writeUInt16BE(value, this.#length);
    this.#length += 2;
  }

  /** Room for so many bytes more. */
  #make(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
