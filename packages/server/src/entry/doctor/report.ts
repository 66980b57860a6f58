import type { Finding } from "./check.ts";

export type Paint = (format: "green" | "yellow" | "red" | "bold" | "dim", text: string) => string;

const marks = { ok: ["✔", "green"], warning: ["!", "yellow"], problem: ["✖", "red"] } as const;
const narrowest = 15;

/** What was found, for people: the marks say it without colours, too. */
export function reportLines(findings: readonly Finding[], paint: Paint): string[] {
  const width = Math.max(narrowest, ...findings.map(({ check }) => check.length));
  const line = ({ check, status, detail, remedy }: Finding): string[] => {
    const [mark, colour] = marks[status];
    const name = check.padEnd(width);
    return [
      `${paint(colour, mark)} ${status === "ok" ? name : paint("bold", name)} ${detail}`,
      ...(remedy === undefined ? [] : [`  ${"".padEnd(width)} ${paint(colour, "→")} ${remedy}`]),
    ];
  };
  return [...findings.flatMap(line), "", summaryOf(findings, paint)];
}

function summaryOf(findings: readonly Finding[], paint: Paint): string {
  const count = (wanted: Finding["status"]) => findings.filter(({ status }) => status === wanted).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  const many = (number: number, word: string) => (number === 1 ? `1 ${word}` : `${number} ${word}s`);
  if (problems === 0 && warnings === 0) return paint("green", "Everything is well.");
  const told = [
    ...(problems === 0 ? [] : [paint("red", many(problems, "problem"))]),
    ...(warnings === 0 ? [] : [paint("yellow", many(warnings, "warning"))]),
  ];
  return `${told.join(", ")}.`;
}
