import { fstatSync, writeSync } from "node:fs";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Where a logger writes to: a file that is put aside when it has grown, and begun anew. */
export type LogFile = {
  /** Takes a line, its end included. Never waits; what was taken is written in order. Ignored once it is closed. */
  write(line: string): void;
  /** Writes what was taken, as far as that is possible now, and closes the file. */
  close(): Promise<void>;
};

export type LogFileOptions = {
  file: string;
  /** A file grows to this size at most, unless one line is longer; 20 MiB when left out. */
  maxBytes?: number;
  /** So many files are kept, the current one and `file.1`, `file.2`, … the older ones; 5 when left out. */
  keep?: number;
  /** Called when writing begins to fail. It is tried again every second, and what waits isn't lost. */
  onFailure?: (error: Error) => void;
};

const mostBytesAtOnce = 64 * 1024;
/** While nothing can be written (a full disk), so much waits in memory; lines beyond are counted, and that is told. */
const mostBytesWaiting = 16 * 1024 * 1024;
const retryMs = 1_000;
const lastWriteMs = 500;

/**
 * Opens (or makes) the file, readable by its owner alone. Writing never holds the process up, and no line is lost when
 * the process exits, whichever way it does short of being killed: what still waits is written on the way out.
 */
export async function openLogFile(options: LogFileOptions): Promise<LogFile> {
  await mkdir(path.dirname(options.file), { recursive: true, mode: 0o700 });
  const file = new RotatingFile(options);
  await file.reopen();
  return file;
}

class RotatingFile implements LogFile {
  readonly #options: LogFileOptions;
  readonly #maxBytes: number;
  #handle: FileHandle | undefined;
  #size = 0;
  /** The size from which on the file is put aside. */
  #limit: number;
  /** What isn't written yet; its first part may be with another thread at this moment. */
  #lines: Buffer[] = [];
  #waitingBytes = 0;
  #bytesUnderWay = 0;
  #writing: Promise<void> | undefined;
  #lost = 0;
  #isFailing = false;
  #isClosing = false;
  readonly #atExit = () => this.#writeAtExit();

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 20 * 1024 * 1024;
    this.#limit = this.#maxBytes;
    process.on("exit", this.#atExit);
  }

  async reopen(): Promise<void> {
    const handle = await open(this.#options.file, "a", 0o600);
    this.#size = (await handle.stat()).size;
    const before = this.#handle;
    this.#handle = handle;
    await before?.close();
  }

  write(text: string): void {
    if (this.#handle === undefined) return;
    const line = Buffer.from(text);
    if (this.#waitingBytes + line.length > mostBytesWaiting) this.#lost += 1;
    else this.#add(line);
    this.#writing ??= this.#writeAll();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#writing;
    process.off("exit", this.#atExit);
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #add(line: Buffer): void {
    this.#lines.push(line);
    this.#waitingBytes += line.length;
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const chunk = this.#next();
      if (this.#size > 0 && this.#size + chunk.length > this.#limit) await this.#rotate();
      try {
        this.#bytesUnderWay = chunk.length;
        const { bytesWritten } = await this.#handle!.write(chunk);
        this.#forget(bytesWritten);
        this.#isFailing = false;
      } catch (error) {
        if (!this.#isFailing) this.#options.onFailure?.(error as Error);
        this.#isFailing = true;
        if (this.#isClosing) break;
        await delay(retryMs);
        // What failed may be this very file: where another can't be opened, this one is tried again.
        await this.reopen().catch(() => undefined);
      } finally {
        this.#bytesUnderWay = 0;
      }
    }
    this.#writing = undefined;
  }

  /** Whole lines, as many as go at once. They stay in line until they are written. */
  #next(): Buffer {
    if (this.#lost > 0 && !this.#isFailing) {
      const loss = { level: 50, time: new Date().toISOString(), lines: this.#lost, msg: "log.lines_lost" };
      this.#lost = 0;
      this.#add(Buffer.from(`${JSON.stringify(loss)}\n`));
    }
    const most = Math.min(mostBytesAtOnce, this.#maxBytes);
    let bytes = 0;
    const end = this.#lines.findIndex((line, at) => {
      bytes += line.length;
      return at > 0 && bytes > most;
    });
    return Buffer.concat(end === -1 ? this.#lines : this.#lines.slice(0, end));
  }

  /** A line that was written in part keeps its rest. */
  #forget(bytes: number): void {
    this.#size += bytes;
    this.#waitingBytes -= bytes;
    let left = bytes;
    const unwritten = this.#lines.findIndex((line) => {
      if (line.length > left) return true;
      left -= line.length;
      return false;
    });
    this.#lines = unwritten === -1 ? [] : this.#lines.slice(unwritten);
    if (left > 0) this.#lines[0] = this.#lines[0]!.subarray(left);
  }

  /** Where that can't be done, the file goes on growing: lines matter more. */
  async #rotate(): Promise<void> {
    const { file, keep = 5 } = this.#options;
    const names = [file, ...Array.from({ length: keep - 1 }, (_, at) => `${file}.${at + 1}`)];
    try {
      for (let at = names.length - 1; at > 0; at -= 1) await renameIfThere(names[at - 1]!, names[at]!);
      await this.reopen();
      this.#limit = this.#maxBytes;
    } catch (error) {
      this.#limit = this.#size + this.#maxBytes;
      this.#options.onFailure?.(error as Error);
    }
  }

  /** Nothing can be waited for any more but the other thread, whose progress the file itself shows. */
  #writeAtExit(): void {
    if (!this.#handle) return;
    const { fd } = this.#handle;
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    const giveUpAt = performance.now() + lastWriteMs;
    const isWritten = () => fstatSync(fd).size >= this.#size + this.#bytesUnderWay;
    while (!isWritten() && performance.now() < giveUpAt) Atomics.wait(sleeper, 0, 0, 1);
    writeSync(fd, Buffer.concat(this.#lines).subarray(this.#bytesUnderWay));
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
