import { failure, type TenantryError } from "../../../../kernel/index.ts";

/** `starter_data_failed` at a place of the starter data. */
export function starterDataFailed(
  file: string,
  line: number | undefined,
  reason: string,
  cause?: unknown,
): TenantryError {
  const place = line === undefined ? file : `${file}, line ${line}`;
  const detail = `${place}: ${reason}.`;
  return failure("starter_data_failed", { detail, extra: { file, line } }, { cause });
}
