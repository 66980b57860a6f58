import stringWidth from "string-width";
import { type Look, type Tone, toneOf } from "./look.ts";
import { distance, visible, visibleLine } from "./text.ts";

/** What stands in a cell; how it looks is decided when it is printed. */
export type Cell = string | number | null | undefined | { text: string; tone?: Tone } | { at: string | null };

/** The name of a state, in its colour. */
export function state(text: string): Cell {
  return { text, tone: toneOf(text) };
}

/** A moment, as the API writes it: for people on a terminal how long ago that is. */
export function at(iso: string | null): Cell {
  return { at: iso };
}

type Shown = { text: string; tone: Tone };

function shown(cell: Cell, look: Look): Shown {
  if (cell === null || cell === undefined || cell === "") return { text: "-", tone: "dim" };
  if (typeof cell !== "object") return { text: visibleLine(String(cell)), tone: "plain" };
  if ("text" in cell) return { text: visibleLine(cell.text), tone: cell.tone ?? "plain" };
  if (cell.at === null) return { text: "-", tone: "dim" };
  return { text: look.width === undefined ? cell.at : distance(cell.at, look.now), tone: "plain" };
}

const gap = "  ";
const narrowest = 8;

/**
 * Columns without lines, which survive being piped and copied. On a terminal that is too narrow the widest columns but
 * the first are shortened, and where that isn't enough each row becomes a block of its own.
 */
export function table(look: Look, head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const titles = head.map((title) => title.toUpperCase());
  const cells = rows.map((row) => row.map((cell) => shown(cell, look)));
  const natural = titles.map((title, column) =>
    Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[column]!.text))),
  );
  const widths = look.width === undefined ? natural : narrowed(natural, look.width);
  if (widths === undefined) return rows.map((row) => block(look, head, row)).join("\n\n");
  const line = (row: readonly Shown[]) =>
    row.map(({ text, tone }, i) => padded(look, text, tone, widths[i]!));
  return [line(titles.map((text) => ({ text, tone: "dim" }))), ...cells.map(line)]
    .map((parts) => parts.join(gap).trimEnd())
    .join("\n");
}

function block(look: Look, head: readonly string[], row: readonly Cell[]): string {
  return fields(
    look,
    head.map((title, column) => [title, row[column]] as const),
  );
}

/** Widths that fit into the terminal; undefined when there are none. */
function narrowed(natural: readonly number[], available: number): number[] | undefined {
  const widths = [...natural];
  for (;;) {
    const over = widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1)) - available;
    if (over <= 0) return widths;
    const widest = Math.max(...widths.slice(1));
    if (widest <= narrowest) return undefined;
    widths[widths.indexOf(widest, 1)] = Math.max(narrowest, widest - over);
  }
}

function padded(look: Look, text: string, tone: Tone, width: number): string {
  const cut = shorten(text, width);
  return look.paint(tone, cut) + " ".repeat(width - stringWidth(cut));
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** At most `width` columns of a text; that something is missing can be seen. */
export function shorten(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = "";
  for (const { segment } of graphemes.segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** One thing, a line for each of its fields; what isn't set is left out. */
export function fields(look: Look, entries: readonly (readonly [string, Cell])[]): string {
  const set = entries.filter(([, cell]) => isSet(cell));
  const width = Math.max(...set.map(([name]) => stringWidth(name)));
  return set
    .map(([name, cell]) => `${look.paint("dim", name.padEnd(width))}${gap}${fieldText(look, cell)}`)
    .join("\n");
}

function fieldText(look: Look, cell: Cell): string {
  if (typeof cell === "object" && cell !== null && "at" in cell && cell.at !== null) {
    return look.width === undefined
      ? cell.at
      : `${cell.at} ${look.paint("dim", `(${distance(cell.at, look.now)})`)}`;
  }
  const { text, tone } = shown(cell, look);
  return look.paint(tone, visible(text));
}

function isSet(cell: Cell): boolean {
  if (typeof cell === "object" && cell !== null) return "at" in cell ? cell.at !== null : cell.text !== "";
  return cell !== null && cell !== undefined && cell !== "";
}
