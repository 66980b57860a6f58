import { failure } from "../../../../kernel/index.ts";

export function damaged(what: string): Error {
  return failure("archive_damaged", { detail: `The archive is damaged: ${what}.` });
}
