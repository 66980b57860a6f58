import type { Look, Tone } from "../../output/look.ts";
import { visibleLine } from "../../output/text.ts";

type Entry = {
  level?: number;
  time?: string;
  msg?: string;
  app?: string;
  line?: string;
  [field: string]: unknown;
};

export type LogFilter = { app?: string | undefined; level?: string | undefined };

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
const numbers: Readonly<Record<string, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
};

/** Whether a line of the log is asked for. What isn't JSON is, unless something is. */
export function isWanted(line: string, { app, level }: LogFilter): boolean {
  if (app === undefined && level === undefined) return true;
  const entry = parse(line);
  if (entry === undefined) return false;
  return (app === undefined || entry.app === app) && (entry.level ?? 0) >= (numbers[level ?? "trace"] ?? 0);
}

/** A line of the log for people. What an application wrote stands as it wrote it. */
export function showLogLine(line: string, look: Look): string {
  const entry = parse(line);
  if (entry === undefined) return visibleLine(line);
  const { level = 30, time = "", msg = "", ...rest } = entry;
  const clock = look.paint("dim", time.slice(0, -1).replace("T", " "));
  if (msg === "app.output")
    return `${clock}  ${look.paint("strong", `${rest.app}:`)} ${visibleLine(rest.line ?? "")}`;
  const name = logLevels[Math.floor(level / 10) - 1] ?? "info";
  const fields = Object.entries(rest).map(([key, value]) => `${look.paint("dim", `${key}=`)}${shown(value)}`);
  return [clock, look.paint(toneOfLevel(level), name.padEnd(5)), visibleLine(msg), fields.join(" ")]
    .join("  ")
    .trimEnd();
}

function toneOfLevel(level: number): Tone {
  if (level >= 50) return "bad";
  return level >= 40 ? "busy" : "dim";
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return visibleLine(typeof value === "string" && /[\s"=]/.test(text) ? JSON.stringify(text) : text);
}

function parse(line: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === "object" && entry !== null ? (entry as Entry) : undefined;
  } catch {
    // A trace that something wrote past the log; it is shown as it is.
    return undefined;
  }
}
