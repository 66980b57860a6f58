import type { OperationReply } from "@tenantry/contract";
import stringWidth from "string-width";
import type { Look, Tone } from "../output/look.ts";
import { shorten } from "../output/table.ts";
import { duration, visibleLine } from "../output/text.ts";

type Step = OperationReply["steps"][number];

export type Moment = {
  /** Counts up; turns the spinner. */
  tick: number;
  /** Milliseconds since we began to watch. */
  elapsedMs: number;
  /** Lines that the terminal has. */
  rows: number;
};

const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const marks: Readonly<Record<Step["status"], readonly [mark: string, tone: Tone]>> = {
  pending: ["·", "dim"],
  running: ["", "busy"],
  done: ["✔", "good"],
  failed: ["✖", "bad"],
  undoing: ["", "busy"],
  undone: ["↺", "dim"],
};

/** An operation as it is at a moment: its steps and, until it has ended, how far it is. Each line fits the terminal. */
export function frame(operation: OperationReply, look: Look, moment: Moment): string[] {
  const width = (look.width ?? 80) - 1;
  const room = Math.max(3, moment.rows - 3);
  const steps = visibleSteps(operation.steps, room).map((step) => stepLine(step, look, width, moment.tick));
  return operation.endedAt === null ? [...steps, progressLine(operation, look, width, moment)] : steps;
}

/** The step at work stays in sight, however many there are. */
function visibleSteps(steps: readonly Step[], room: number): readonly Step[] {
  const pending = steps.findIndex((step) => step.status === "pending");
  const until = pending === -1 ? steps.length : pending;
  const from = Math.max(0, Math.min(until - Math.ceil(room / 2), steps.length - room));
  return steps.slice(from, from + room);
}

function stepLine(step: Step, look: Look, width: number, tick: number): string {
  const [mark, tone] = marks[step.status];
  const sign = look.paint(tone, mark || spinner[tick % spinner.length]!);
  const more = remark(step);
  const title = shorten(visibleLine(step.title), width - 2);
  const rest = more && stringWidth(title) + more.length + 4 <= width ? `  ${look.paint("dim", more)}` : "";
  return `${sign} ${step.status === "pending" ? look.paint("dim", title) : title}${rest}`;
}

/** What stands behind a step's title. */
export function remark({ status, tookMs, attempt }: Step): string {
  if (status === "undone") return "undone";
  if (status === "undoing") return "being undone";
  const took = status !== "running" && tookMs !== null ? duration(tookMs) : "";
  const again = attempt > 1 ? `attempt ${attempt}` : "";
  return [took, again].filter(Boolean).join(", ");
}

const barWidth = 24;

function progressLine(operation: OperationReply, look: Look, width: number, { elapsedMs }: Moment): string {
  const filled = Math.round(operation.progress * barWidth);
  const bar = `${look.paint("good", "━".repeat(filled))}${look.paint("dim", "╌".repeat(barWidth - filled))}`;
  const text = [`${Math.floor(operation.progress * 100)} %`, duration(elapsedMs), doing(operation)].join(
    "  ",
  );
  if (width < barWidth + 12) return shorten(text, width);
  return `${bar}  ${shorten(text, width - barWidth - 2)}`;
}

/** Why an operation waits, when a step of it failed and is tried again. */
export function setback({ status, steps }: OperationReply): string | undefined {
  const failed = status === "waiting" ? steps.find((step) => step.status === "failed") : undefined;
  return failed?.error ? visibleLine(failed.error.detail ?? failed.error.title) : undefined;
}

function doing(operation: OperationReply): string {
  const { status, message, waitUntil, error } = operation;
  const what = message ? visibleLine(message) : "";
  const why = setback(operation);
  if (why !== undefined) return `tries again: ${why}`;
  if (status === "waiting" && waitUntil) return `waits until ${waitUntil}`;
  if (status === "undoing" || status === "cancelling")
    return ["undoing what was done", error ? visibleLine(error.detail ?? error.title) : ""]
      .filter(Boolean)
      .join(": ");
  return status === "queued" ? "waits for its turn" : what;
}
