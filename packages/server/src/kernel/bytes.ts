const factors: Readonly<Record<string, number>> = {
  B: 1,
  ...{ KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
};

/** The bytes of a size as settings have been checked to have it: a number, or text such as "500MB" or "1GiB". */
export function bytesOfSize(size: number | string): number {
  if (typeof size === "number") return Math.floor(size);
  const [, number, unit = ""] = /^([\d.]+) ?([A-Za-z]+)$/.exec(size) ?? [];
  const factor = factors[unit];
  if (number === undefined || factor === undefined) throw new TypeError(`${size} isn't a size.`);
  return Math.floor(Number(number) * factor);
}
