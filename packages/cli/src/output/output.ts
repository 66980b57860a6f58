import { type Look, lookOf } from "./look.ts";
import { toJson, visible } from "./text.ts";

export type Output = {
  /** `--json`: standard output holds one JSON document and nothing else, and standard error nothing but a problem. */
  readonly json: boolean;
  /** How standard output may look. */
  readonly look: Look;
  /** Prints what the command is about: as it is for programs, by `show` for people. */
  result<Value>(value: Value, show: (value: Value, look: Look) => string): void;
  /** One of many results that come over time: for programs a JSON document on a line. */
  line<Value>(value: Value, show: (value: Value, look: Look) => string): void;
  /** Something to know beside the result, on standard error; programs don't see it. */
  note(text: string): void;
};

export type Streams = { out: NodeJS.WriteStream; error: NodeJS.WriteStream };

const standard: Streams = { out: process.stdout, error: process.stderr };

export function createOutput(json: boolean, { out, error }: Streams = standard): Output {
  const look = lookOf(out);
  return {
    json,
    look,
    result: (value, show) => void out.write(`${json ? toJson(value) : show(value, look)}\n`),
    line: (value, show) => void out.write(`${json ? toJson(value, 0) : show(value, look)}\n`),
    note: (text) => {
      if (!json) error.write(`${lookOf(error).paint("dim", visible(text))}\n`);
    },
  };
}
