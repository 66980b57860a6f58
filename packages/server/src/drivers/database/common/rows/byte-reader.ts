import { damaged } from "./damaged.ts";

/** Takes lines and numbers of bytes from a stream, holding no more than what was asked for and one chunk. */
export function createByteReader(source: AsyncIterable<Uint8Array>) {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  async function next(): Promise<Buffer | undefined> {
    const { done, value } = await chunks.next();
    return done ? undefined : asBuffer(value);
  }

  return {
    /** With its line feed. */
    async line(longest: number): Promise<Buffer> {
      const parts: Buffer[] = [];
      let length = 0;
      for (;;) {
        const at = rest.indexOf(0x0a);
        if (at >= 0) {
          parts.push(rest.subarray(0, at + 1));
          rest = rest.subarray(at + 1);
          return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
        }
        parts.push(rest);
        length += rest.length;
        if (length > longest) throw damaged("a line is too long");
        const chunk = await next();
        if (!chunk) throw damaged("it breaks off");
        rest = chunk;
      }
    },
    async bytes(size: number): Promise<Buffer> {
      const parts: Buffer[] = [];
      for (let missing = size; ; ) {
        const taken = rest.subarray(0, missing);
        parts.push(taken);
        rest = rest.subarray(taken.length);
        missing -= taken.length;
        if (missing === 0) return parts.length === 1 ? taken : Buffer.concat(parts);
        const chunk = await next();
        if (!chunk) throw damaged("it breaks off");
        rest = chunk;
      }
    },
    async isAtEnd(): Promise<boolean> {
      while (rest.length === 0) {
        const chunk = await next();
        if (!chunk) return true;
        rest = chunk;
      }
      return false;
    },
    /** Tells whoever writes that nobody reads on. */
    async close(): Promise<void> {
      await chunks.return?.();
    },
  };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
