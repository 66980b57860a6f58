import { wrong } from "./refusal.ts";

/**
 * Points in time are texts of one width, so that their order is that of time: `2024-05-01 12:00:00.000000+00`, in UTC;
 * without the zone for `timestamp`.
 */
const dateAndTime =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?$/i;

const refused = (given: string, type: string) =>
  wrong("22007", `invalid input syntax for type ${type}: "${given}"`);
const beyond = (given: string) => wrong("22008", `date/time field value out of range: "${given}"`);

export function readTimestamp(given: string, zoned: boolean): string {
  const type = zoned ? "timestamp with time zone" : "timestamp";
  const plain = given.trim();
  if (/^now$/i.test(plain)) return writeTimestamp(new Date(), zoned);
  if (/^epoch$/i.test(plain)) return writeTimestamp(new Date(0), zoned);
  const parts = dateAndTime.exec(plain);
  if (!parts) throw refused(given, type);
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  if (hour! > 24 || minute! > 59 || second! > 60) throw beyond(given);
  const micros = Math.round(Number(`0.${parts[7] ?? 0}`) * 1e6);
  const at = new Date(0);
  at.setUTCFullYear(year!, month! - 1, day!);
  if (at.getUTCMonth() !== month! - 1 || at.getUTCDate() !== day || year === 0) throw beyond(given);
  at.setUTCHours(hour!, minute!, second!);
  const shifted = zoned ? new Date(at.getTime() - offsetMs(parts[8])) : at;
  const whole = new Date(shifted.getTime() + (micros >= 1e6 ? 1_000 : 0));
  if (whole.getUTCFullYear() < 1 || whole.getUTCFullYear() > 9_999) throw beyond(given);
  return written(whole, micros % 1e6, zoned);
}

function offsetMs(zone: string | undefined): number {
  const parts = /^([+-])(\d{2}):?(\d{2})?:?(\d{2})?$/.exec(zone ?? "");
  if (!parts) return 0;
  const seconds = Number(parts[2]) * 3_600 + Number(parts[3] ?? 0) * 60 + Number(parts[4] ?? 0);
  return (parts[1] === "-" ? -1 : 1) * seconds * 1_000;
}

export function writeTimestamp(at: Date, zoned: boolean): string {
  return written(at, at.getUTCMilliseconds() * 1_000, zoned);
}

function written(at: Date, micros: number, zoned: boolean): string {
  const seconds = at.toISOString().slice(0, 19).replace("T", " ");
  return `${seconds}.${String(micros).padStart(6, "0")}${zoned ? "+00" : ""}`;
}

export function readDate(given: string): string {
  const parts = dateAndTime.exec(given.trim());
  if (!parts) throw refused(given, "date");
  return readTimestamp(`${parts[1]}-${parts[2]}-${parts[3]}`, false).slice(0, 10);
}

export function readTime(given: string): string {
  const parts = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?$/.exec(given.trim());
  if (!parts) throw refused(given, "time");
  const [hour, minute, second] = [parts[1]!, parts[2]!, parts[3] ?? "0"].map(Number);
  if (hour! > 23 || minute! > 59 || second! > 59) throw beyond(given);
  return `${parts[1]!.padStart(2, "0")}:${parts[2]}:${parts[3] ?? "00"}.${(parts[4] ?? "").padEnd(6, "0")}`;
}

/** As PostgreSQL writes it: without zeros that say nothing. */
export function shownTime(held: string): string {
  return held.replace(
    /\.(\d*?)0+(\+00)?$/,
    (_, digits: string, zone: string | undefined) => `${digits ? `.${digits}` : ""}${zone ?? ""}`,
  );
}
