import type { ErrorCode } from "@tenantry/contract";
import type { ErrorDetails } from "../kernel/index.ts";

/** What an error of the upstream means for the request that met it. */
export type Verdict = {
  /** What the client is told. */
  code: ErrorCode;
  details?: ErrorDetails;
  /** Nothing was sent: it may be sent elsewhere, whatever its method. */
  unreached: boolean;
  /** The connection broke before a word of the answer, as one does that the upstream has just closed for idleness. */
  stale: boolean;
};

const broken = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** `sent` says whether the request was written to a connection when the error came. */
export function classify(error: Error, sent: boolean): Verdict {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case "UND_ERR_INVALID_ARG":
    case "UND_ERR_NOT_SUPPORTED":
      return { code: "invalid_http", details: { detail: error.message }, unreached: false, stale: false };
    case "UND_ERR_HEADERS_TIMEOUT":
      return { code: "upstream_timeout", unreached: false, stale: false };
    default:
      return {
        code: "upstream_unreachable",
        details: { retryAfterSeconds: 5 },
        unreached: !sent,
        stale: sent && broken.has(code ?? ""),
      };
  }
}
