const notice = "<!-- Written by `npm run reference` from the code: change it there. -->";

/** A page of the reference; its title is its first heading. */
export function page(title: string, ...parts: string[]): string {
  return `${[`# ${title}`, notice, ...parts].join("\n\n")}\n`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
