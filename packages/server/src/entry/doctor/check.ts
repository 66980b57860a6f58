/** What one look of the doctor found. */
export type Finding = {
  check: string;
  status: "ok" | "warning" | "problem";
  /** What is so, in a sentence. */
  detail: string;
  /** What to do about it. */
  remedy?: string;
};

export const ok = (check: string, detail: string): Finding => ({ check, status: "ok", detail });
export const warning = (check: string, detail: string, remedy: string): Finding => ({
  check,
  status: "warning",
  detail,
  remedy,
});
export const problem = (check: string, detail: string, remedy: string): Finding => ({
  check,
  status: "problem",
  detail,
  remedy,
});
