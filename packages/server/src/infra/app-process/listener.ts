import { open } from "node:fs/promises";

/** Sockets that wait for connections are in this state. */
const listening = "0A";

/** As the kernel writes the addresses that a connection to 127.0.0.1 may end at. */
const addresses = new Set([
  "0100007F",
  "00000000",
  "00000000000000000000000000000000",
  "0000000000000000FFFF000000000000",
  "0000000000000000FFFF00000100007F",
]);

/** The users of the system who listen where a connection to this port of 127.0.0.1 may end. */
export function listeningUids(port: number, table: string): number[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , uid] = line.trim().split(/\s+/, 8);
    const [address = "", at] = local.split(":");
    return state === listening && at === wanted && addresses.has(address) ? [Number(uid)] : [];
  });
}

/**
 * Says, in a sentence, that another user listens on the port an application was given. Without a container of its own, any
 * user may take a port first; root, who may do anything, needs no such trick. Undefined when all is well, or nobody
 * listens, or the kernel doesn't tell.
 */
export async function strangerAt(port: number, uid: number): Promise<string | undefined> {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => readListeners(file).catch(() => ""));
  const stranger = (await Promise.all(tables))
    .flatMap((table) => listeningUids(port, table))
    .find((one) => one !== uid && one !== 0);
  if (stranger === undefined) return undefined;
  return `Another user of this system (uid ${stranger}) listens on its PORT ${port}: what answers there isn't the application.`;
}

/**
 * The beginning of the kernel's table: it names those that listen first. The rest may be long, and takes the kernel
 * milliseconds for each thousand connections.
 */
async function readListeners(file: string): Promise<string> {
  await using table = await open(file);
  const decoder = new TextDecoder();
  const buffer = Buffer.alloc(16_384);
  let text = "";
  for (;;) {
    const { bytesRead } = await table.read(buffer, 0, buffer.length);
    text += decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
    if (bytesRead === 0 || endsBeyondListeners(text)) return text;
  }
}

function endsBeyondListeners(text: string): boolean {
  const lastWhole = text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1)!;
  const [number, , , state] = lastWhole.trim().split(/\s+/, 4);
  return number !== "sl" && state !== listening;
}
