const units: Readonly<Record<string, number>> = {
  B: 1,
  ...{ KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
};

/** The bytes of a size as settings have it: a number, or text such as "500MB" and "1GiB". Undefined for anything else. */
export function bytesOf(size: unknown): number | undefined {
  if (typeof size === "number") return size >= 0 ? Math.floor(size) : undefined;
  const [, number, unit = ""] =
    typeof size === "string" ? (/^(\d+(?:\.\d+)?) ?([KMGT]?i?B)$/.exec(size) ?? []) : [];
  const factor = units[unit];
  return number !== undefined && factor !== undefined ? Math.floor(Number(number) * factor) : undefined;
}
