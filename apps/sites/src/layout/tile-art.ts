import { html, raw } from "hono/html";
import { seedOf } from "./accent.ts";
import type { Html } from "./html.ts";

const columns = 8;
const rows = 5;
const size = 48;

/** A pattern of quarter circles, different for every tenant and always the same for one. Colours come from the style. */
export function tileArt(tenantId: string): Html {
  const bytes = tileBytes(tenantId);
  const tiles = bytes.map((byte, index) => tile(byte, index % columns, Math.floor(index / columns))).join("");
  const box = `0 0 ${columns * size} ${rows * size}`;
  return html`<svg class="tile-art" viewBox="${box}" aria-hidden="true" focusable="false">${raw(tiles)}</svg>`;
}

function tileBytes(tenantId: string): number[] {
  const bytes = [...seedOf(`${tenantId} tiles`), ...seedOf(`${tenantId} more tiles`)];
  return bytes.slice(0, columns * rows);
}

/** Only numbers and names of ours go into the markup. */
function tile(byte: number, column: number, row: number): string {
  const [x, y] = [column * size, row * size];
  // A little larger than its place, or hairlines would show between the tiles.
  const ground = `<rect class="tone-${byte & 3}" x="${x}" y="${y}" width="${size + 1}" height="${size + 1}"/>`;
  const turned = `transform="rotate(${((byte >> 2) & 3) * 90} ${x + size / 2} ${y + size / 2})"`;
  const tone = `tone-${(byte & 3) ^ (1 + ((byte >> 6) % 3))}`;
  const shape = (byte >> 4) & 3;
  if (shape === 3)
    return `${ground}<circle class="${tone}" cx="${x + size / 2}" cy="${y + size / 2}" r="${size / 4}"/>`;
  const radius = shape === 2 ? size / 2 : size;
  return `${ground}<path class="${tone}" ${turned} d="M${x} ${y}h${radius}a${radius} ${radius} 0 0 1 -${radius} ${radius}z"/>`;
}
