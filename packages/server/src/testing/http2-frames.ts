import { connect, type Socket } from "node:net";
import { waitUntil } from "./wait-until.ts";

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlags = { endStream: 1, endHeaders: 4 } as const;

export type Frame = { type: number; flags: number; stream: number; payload: Buffer };

/** A client of HTTP/2 that says exactly what it is told to, be it allowed or not. */
export type FrameConnection = {
  socket: Socket;
  send(...frames: (Frame | Buffer)[]): void;
  received: Frame[];
  /** Waits for a frame. */
  until(what: string, wanted: (frame: Frame) => boolean): Promise<Frame>;
  isClosed(): boolean;
  /** Waits until the other side has closed; the code of its GOAWAY, if it sent one. */
  closed(): Promise<number | undefined>;
};

export function frame(type: number, stream: number, payload: Buffer | string = "", flags = 0): Frame {
  return {
    type,
    stream,
    flags,
    payload: typeof payload === "string" ? Buffer.from(payload, "latin1") : payload,
  };
}

export function encodeFrame({ type, flags, stream, payload }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block that uses no compression: every field as a literal that isn't indexed (RFC 7541 §6.2.2). */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) parts.push(Buffer.of(0), literal(name), literal(value));
  return Buffer.concat(parts);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** The fields of a GET for acme.localhost. */
export const getFields = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "acme.localhost"],
] as const;

/** A request without a body. */
export function requestFrame(
  stream: number,
  fields: readonly (readonly [string, string])[] = getFields,
): Frame {
  const flags = frameFlags.endStream | frameFlags.endHeaders;
  return frame(frameTypes.headers, stream, headerBlock(fields), flags);
}

export function resetFrame(stream: number, code = 8): Frame {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(frameTypes.reset, stream, payload);
}

/** Connects, and says the preface and empty settings. */
export function frameConnection(port: number): FrameConnection {
  const socket = connect({ port, host: "127.0.0.1" });
  const received: Frame[] = [];
  let rest = Buffer.alloc(0);
  let over = false;
  socket.on("data", (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3);
      received.push({
        type: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(9, 9 + length),
      });
      rest = rest.subarray(9 + length);
    }
  });
  const note = (): void => {
    over = true;
  };
  socket.on("error", note).on("close", note);
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(encodeFrame(frame(frameTypes.settings, 0)));
  return {
    socket,
    received,
    send: (...frames) => {
      socket.write(Buffer.concat(frames.map((one) => (Buffer.isBuffer(one) ? one : encodeFrame(one)))));
    },
    async until(what, wanted) {
      await waitUntil(what, () => received.some(wanted) || over);
      const found = received.find(wanted);
      if (found === undefined) throw new Error(`The connection closed before: ${what}`);
      return found;
    },
    isClosed: () => over,
    async closed() {
      await waitUntil("the connection is closed", () => over);
      return received.find(({ type }) => type === frameTypes.goaway)?.payload.readUInt32BE(4);
    },
  };
}
