import { Socket } from "node:net";

const bufferBytes = 64 * 1_024;

/**
 * A socket for pg that reads into one buffer for as long as it lives. Others make one of that size for each answer, which
 * costs more than to copy a short answer out of it.
 */
export function openSocket({ ssl }: { ssl?: unknown }): Socket {
  // What is encrypted is read on its way, into buffers of its own.
  if (ssl) return new Socket();
  const socket: Socket = new Socket({
    onread: {
      buffer: Buffer.allocUnsafeSlow(bufferBytes),
      callback(count, bytes) {
        // pg keeps what it gets until a message is whole.
        socket.emit("data", Buffer.from(bytes.subarray(0, count)));
        return true;
      },
    },
  });
  return socket;
}
