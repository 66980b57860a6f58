import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Log } from "../infra/log/index.ts";
import type { GatewaySettings, Route, Upstream } from "./route.ts";
import { defaultSettings, type RouteContent, type RouteTable } from "./route-table.ts";

export type SnapshotFile = {
  /** What the file holds; undefined when there is none, or none that is whole. */
  load(): Promise<RouteContent | undefined>;
  /** Writes the table from now on, a while after it changed. */
  follow(): void;
  /** Stops following; what has not been written yet is written before it resolves. */
  close(): Promise<void>;
};

const format = 1;
const linesPerWrite = 1_000;

/** A file of a version before this one has no settings. */
type Header = { format: number; version: number; upstreams: Upstream[]; settings?: GatewaySettings };
type Footer = { routes: number };

/**
 * Keeps the last known routes on disk (readable by its owner alone), so that a gateway can start while the registry is
 * away. The file is replaced in one move and ends with a count: half a file is no file.
 */
export function createSnapshotFile(options: {
  file: string;
  table: RouteTable;
  log: Log;
  /** Milliseconds between a change and its writing; changes meanwhile are written together. */
  delayMs?: number;
}): SnapshotFile {
  const { file, table, log } = options;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let unhear: () => void = () => undefined;
  let lastWriteMs = 0;

  function schedule(): void {
    if (timer || writing) return;
    // Writing takes a tenth of the time at most, however large the table is.
    timer = setTimeout(write, Math.max(options.delayMs ?? 1_000, lastWriteMs * 10));
    timer.unref();
  }

  function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const startedAt = performance.now();
    const { version } = table.content();
    writing = writeContent(file, table.content())
      .catch((error: Error) => log.warn({ file, error: error.message }, "gateway.snapshot_failed"))
      .finally(() => {
        writing = undefined;
        lastWriteMs = performance.now() - startedAt;
        if (table.version() !== version) schedule();
      });
    return writing;
  }

  return {
    async load() {
      try {
        return await readContent(file);
      } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
        if (!missing) log.warn({ file, error: (error as Error).message }, "gateway.snapshot_unreadable");
        return undefined;
      }
    },
    follow() {
      unhear = table.onChange(schedule);
    },
    async close() {
      unhear();
      await writing;
      if (timer) await write();
      clearTimeout(timer);
    },
  };
}

async function writeContent(file: string, content: RouteContent): Promise<void> {
  const fresh = `${file}.new`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(fresh, "w", 0o600);
  try {
    // The version as it stands before the first row is read: what changes meanwhile is read again after a start.
    const { version, settings } = content;
    const header: Header = { format, version, settings, upstreams: [...content.upstreams.values()] };
    let lines = [JSON.stringify(header)];
    let routes = 0;
    for (const route of content.routes.values()) {
      lines.push(JSON.stringify(route));
      routes += 1;
      if (lines.length < linesPerWrite) continue;
      await handle.write(`${lines.join("\n")}\n`);
      lines = [];
    }
    lines.push(JSON.stringify({ routes } satisfies Footer));
    await handle.write(`${lines.join("\n")}\n`);
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(fresh, { force: true });
    throw error;
  }
  await handle.close();
  await rename(fresh, file);
}

async function readContent(file: string): Promise<RouteContent> {
  const lines = createInterface({ input: createReadStream(file, "utf8") });
  let header: Header | undefined;
  let footer: Footer | undefined;
  const routes = new Map<string, Route>();
  for await (const line of lines) {
    const value = JSON.parse(line);
    if (header === undefined) {
      if (value.format !== format) throw new Error(`The snapshot has format ${value.format}, not ${format}.`);
      header = value as Header;
    } else if (typeof value.hostname === "string") routes.set(value.hostname, value as Route);
    else footer = value as Footer;
  }
  if (header === undefined || footer?.routes !== routes.size) throw new Error("The snapshot is not whole.");
  return {
    version: header.version,
    routes,
    upstreams: new Map(header.upstreams.map((row) => [row.id, row])),
    settings: { ...defaultSettings, ...header.settings },
  };
}
