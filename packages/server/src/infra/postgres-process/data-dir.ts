import { mkdir, realpath, statfs } from "node:fs/promises";
import path from "node:path";
import { StartRefused } from "../../kernel/index.ts";

/** PostgreSQL keeps paths in 1,024 bytes, and appends its own file names. */
const longestBytes = 900;

/** Makes the directory, for its owner alone, and returns the one true path to it. */
export async function prepareDataDir(dataDir: string): Promise<string> {
  const wanted = path.resolve(dataDir);
  // A line break would break the lines of postmaster.pid.
  if (/[\n\r\0]/.test(wanted)) throw unusable(JSON.stringify(wanted), "has a line break in its name");
  if (Buffer.byteLength(wanted) > longestBytes) {
    throw unusable(wanted, `has a path of more than ${longestBytes} bytes, too long for PostgreSQL`);
  }
  try {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    return await realpath(wanted);
  } catch (cause) {
    throw unusable(wanted, `can't be made (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

const scarceBytes = 32 * 1024 * 1024;

/** A sentence about the disk that the directory lies on, if it is nearly full; else nothing. */
export async function spaceLeft(directory: string): Promise<string> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  return free < scarceBytes ? `Only ${Math.floor(free / 1024 / 1024)} MB are free on its disk. ` : "";
}

/** A refusal that says what is wrong with the data directory. */
export function unusable(dataDir: string, reason: string, cause?: unknown): StartRefused {
  return new StartRefused(
    "data_dir_unusable",
    `The data directory ${dataDir} ${reason}. Choose another one.`,
    { cause },
  );
}
