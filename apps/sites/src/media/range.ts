export type WantedRange = "whole" | "unsatisfiable" | { start: number; end: number };

/**
 * The one range of bytes that a `Range` header asks for (RFC 9110), both ends inclusive. Several ranges, other units and
 * what makes no sense are answered with the whole.
 */
export function wantedRange(header: string | undefined, size: number): WantedRange {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec((header ?? "").trim());
  const [, first = "", last = ""] = parts ?? [];
  if (first === "" && last === "") return "whole";
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return "whole";
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}
