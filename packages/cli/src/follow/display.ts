import type { OperationReply } from "@tenantry/contract";
import { lookOf } from "../output/look.ts";
import { visibleLine } from "../output/text.ts";
import { frame, remark, setback } from "./frame.ts";

/** Shows an operation while it goes on. */
export type Display = {
  show(operation: OperationReply): void;
  /** Leaves the last state on the screen, and the cursor below it. Repeatable. */
  end(): void;
};

const tickMs = 100;
const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";

/** Moving on a terminal; elsewhere, such as in the log of a build, a line for each step that is over. */
export function createDisplay(stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? movingDisplay(stream) : lineDisplay(stream);
}

/** Shows nothing: programs read the result alone. */
export const noDisplay: Display = { show: () => undefined, end: () => undefined };

function movingDisplay(stream: NodeJS.WriteStream): Display {
  const startedAt = performance.now();
  let latest: OperationReply | undefined;
  let drawn = 0;
  let tick = 0;

  function draw(): void {
    if (!latest) return;
    const moment = { tick, elapsedMs: performance.now() - startedAt, rows: stream.rows || 24 };
    const lines = frame(latest, lookOf(stream), moment);
    const back = drawn > 0 ? `\x1b[${drawn}A\r` : hideCursor;
    stream.write(`${back}\x1b[J${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  }

  const timer = setInterval(() => {
    tick += 1;
    draw();
  }, tickMs);
  return {
    show(operation) {
      latest = operation;
      draw();
    },
    end() {
      clearInterval(timer);
      if (drawn > 0) stream.write(showCursor);
      drawn = 0;
      latest = undefined;
    },
  };
}

function lineDisplay(stream: NodeJS.WriteStream): Display {
  const said = new Set<string>();
  return {
    show(operation) {
      for (const step of operation.steps) {
        const { name, status, title } = step;
        if (!["done", "failed", "undone"].includes(status) || said.has(`${name} ${status}`)) continue;
        said.add(`${name} ${status}`);
        const more = remark(step);
        const why = status === "failed" ? setback(operation) : undefined;
        const rest = `${more ? ` (${more})` : ""}${why === undefined ? "" : `, tries again: ${why}`}`;
        stream.write(`${status}: ${visibleLine(title)}${rest}\n`);
      }
    },
    end: () => undefined,
  };
}
