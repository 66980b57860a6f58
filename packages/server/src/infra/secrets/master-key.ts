import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, stat, unlink } from "node:fs/promises";
import path from "node:path";

export type MasterKeyOptions = {
  dataDir: string;
  /** Another place for the key: a mounted secret. */
  masterKeyFile?: string;
  /** Makes `<dataDir>/master.key` when it isn't there. Off for nodes that share a registry: each would make its own. */
  create?: boolean;
};

const keyBytes = 32;

/**
 * Reads the installation's master key: 32 random bytes in base64, in a file that its owner alone can read. Every
 * refusal is one sentence that names the file. Two processes that both create it end up with the same key.
 */
export async function loadMasterKey(options: MasterKeyOptions): Promise<Buffer> {
  const file = options.masterKeyFile ?? path.join(options.dataDir, "master.key");
  if (options.create && !options.masterKeyFile) await createOnce(file);
  return readKey(file);
}

async function readKey(file: string): Promise<Buffer> {
  const status = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`The master key ${file} can't be read: ${reasonOf(error)}.`, { cause: error });
  });
  if (!status.isFile()) throw new Error(`The master key ${file} isn't a file.`);
  if ((status.mode & 0o077) !== 0) {
    const mode = (status.mode & 0o777).toString(8);
    throw new Error(`The master key ${file} is open to others (mode ${mode}): run chmod 600 ${file}.`);
  }
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`The master key ${file} can't be read: ${reasonOf(error)}.`, { cause: error });
  });
  const key = Buffer.from(text.trim(), "base64");
  if (key.length !== keyBytes || key.toString("base64") !== text.trim()) {
    throw new Error(`The master key ${file} isn't ${keyBytes} bytes in base64: put the right file there.`);
  }
  return key;
}

/** Written whole under another name first: a crash or a race can't leave half a key, nor two. */
async function createOnce(file: string): Promise<void> {
  if (await exists(file)) return;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(`${randomBytes(keyBytes).toString("base64")}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "it isn't there";
  return error.code === "EACCES" ? "this user may not" : error.message;
}
