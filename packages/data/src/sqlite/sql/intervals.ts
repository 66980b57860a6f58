import { unsupported, wrong } from "./refusal.ts";
import type { Typed } from "./translation.ts";
import type { PgType } from "./types.ts";

export type Interval = { months: number; seconds: number };

export const interval: PgType = { name: "interval" };

const unitSeconds: Record<string, number> = {
  microsecond: 1e-6,
  millisecond: 1e-3,
  ms: 1e-3,
  second: 1,
  sec: 1,
  s: 1,
  minute: 60,
  min: 60,
  m: 60,
  hour: 3_600,
  hr: 3_600,
  h: 3_600,
  day: 86_400,
  d: 86_400,
  week: 604_800,
  w: 604_800,
};
const unitMonths: Record<string, number> = {
  month: 1,
  mon: 1,
  year: 12,
  yr: 12,
  y: 12,
  decade: 120,
  century: 1_200,
};

/** Reads an interval as it is written: `1 day`, `-2 hours 30 minutes`, `01:30:00`, `3 days ago`. */
export function readInterval(text: string): Interval {
  const result = { months: 0, seconds: 0 };
  const words = text.trim().toLowerCase().split(/\s+/);
  const ago = words.at(-1) === "ago";
  if (ago) words.pop();
  for (let at = 0; at < words.length; at += 1) at += readPart(result, words, at, text);
  return ago ? { months: -result.months, seconds: -result.seconds } : result;
}

/** Adds what stands at `at`, and says how many words more it took. */
function readPart(result: Interval, words: readonly string[], at: number, text: string): number {
  const refused = wrong("22007", `invalid input syntax for type interval: "${text}"`);
  const clock = /^([+-]?)(\d+):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(words[at]!);
  if (clock) {
    const seconds = Number(clock[2]) * 3_600 + Number(clock[3]) * 60 + Number(clock[4] ?? 0);
    result.seconds += clock[1] === "-" ? -seconds : seconds;
    return 0;
  }
  const parts = /^([+-]?\d*\.?\d+)([a-z]*)$/.exec(words[at]!);
  if (!parts) throw refused;
  const amount = Number(parts[1]);
  const unit = (parts[2] || words[at + 1] || "second").replace(/(?<=..)s$/, "");
  const taken = parts[2] || words[at + 1] === undefined ? 0 : 1;
  if (Object.hasOwn(unitMonths, unit)) result.months += amount * unitMonths[unit]!;
  else if (Object.hasOwn(unitSeconds, unit)) result.seconds += amount * unitSeconds[unit]!;
  else throw refused;
  if (!Number.isInteger(result.months)) throw unsupported("A part of a month in an interval");
  return taken;
}

export function intervalLiteral(text: string): Typed {
  const { months, seconds } = readInterval(text);
  return { sql: String(seconds), type: interval, months };
}

const formats: Record<string, string> = {
  timestamptz: "%Y-%m-%d %H:%M:%f000+00",
  timestamp: "%Y-%m-%d %H:%M:%f000",
};

/** A point in time, moved by an interval; to the thousandth of a second. The days of a month that is shorter end it. */
export function moveTime(time: Typed, by: Typed, sign: 1 | -1): Typed {
  const type = time.type.name === "date" ? { name: "timestamp" } : time.type;
  const format = formats[type.name];
  if (!format) throw unsupported("Adding an interval to a time of day");
  const base = time.type.name === "date" ? time.sql : `substr(${time.sql}, 1, 26)`;
  const seconds = `((${sign < 0 ? "-" : ""}(${by.sql})) || ' seconds')`;
  if (!by.months) return { sql: `strftime('${format}', ${base}, ${seconds})`, type };
  const months = sign * by.months;
  const shifted = `strftime('%Y-%m-%d %H:%M:%f', ${base}, '${months} months')`;
  const lastDay = `strftime('%Y-%m-%d', ${base}, 'start of month', '${months + 1} months', '-1 day') || strftime(' %H:%M:%f', ${base})`;
  return { sql: `strftime('${format}', min(${shifted}, ${lastDay}), ${seconds})`, type };
}

const truncations: Record<string, string> = {
  second: "%Y-%m-%d %H:%M:%S.000000",
  minute: "%Y-%m-%d %H:%M:00.000000",
  hour: "%Y-%m-%d %H:00:00.000000",
  day: "%Y-%m-%d 00:00:00.000000",
  month: "%Y-%m-01 00:00:00.000000",
  year: "%Y-01-01 00:00:00.000000",
};

/** `date_trunc`, in UTC. */
export function truncateTime(unit: string, time: Typed): Typed {
  const type = time.type.name === "date" ? { name: "timestamptz" } : time.type;
  const zone = type.name === "timestamptz" ? "+00" : "";
  const base = `substr(${time.sql}, 1, 26)`;
  if (unit === "week")
    return { sql: `strftime('%Y-%m-%d 00:00:00.000000${zone}', ${base}, '-6 days', 'weekday 1')`, type };
  const format = truncations[unit];
  if (!format) throw unsupported(`date_trunc('${unit}', …)`);
  return { sql: `strftime('${format}${zone}', ${base})`, type };
}

const extractions: Record<string, (base: string) => string> = {
  year: (base) => `cast(strftime('%Y', ${base}) as integer)`,
  month: (base) => `cast(strftime('%m', ${base}) as integer)`,
  day: (base) => `cast(strftime('%d', ${base}) as integer)`,
  hour: (base) => `cast(strftime('%H', ${base}) as integer)`,
  minute: (base) => `cast(strftime('%M', ${base}) as integer)`,
  dow: (base) => `cast(strftime('%w', ${base}) as integer)`,
  doy: (base) => `cast(strftime('%j', ${base}) as integer)`,
  second: (base) => `cast(strftime('%S', ${base}) as integer) + cast('0.' || substr(${base}, 21, 6) as real)`,
  epoch: (base) =>
    `cast(strftime('%s', ${base}) as integer) + coalesce(cast('0.' || nullif(substr(${base}, 21, 6), '') as real), 0)`,
};

const scales: Record<string, number> = { second: 6, epoch: 6 };

/** `extract` and `date_part`, in UTC. */
export function extractTime(unit: string, time: Typed): Typed {
  if (time.type.name === "interval") {
    if (unit !== "epoch" || time.months) throw unsupported(`extract(${unit} from an interval)`);
    return { sql: `(${time.sql})`, type: { name: "numeric", precision: 15, scale: 6 } };
  }
  const write = extractions[unit];
  if (!write) throw unsupported(`extract(${unit} from …)`);
  const isDate = time.type.name === "date";
  const sql = write(isDate ? time.sql : `substr(${time.sql}, 1, 26)`);
  return {
    sql: `(${sql})`,
    type: { name: "numeric", precision: 15, scale: isDate ? 0 : (scales[unit] ?? 0) },
  };
}
