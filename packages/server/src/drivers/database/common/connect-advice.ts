/** What to do about a connection that couldn't be opened, by the code of the error: system, TLS or PostgreSQL. */
const adviceByCode: Readonly<Record<string, string>> = {
  ENOTFOUND: "Check the host's name.",
  EAI_AGAIN: "Check the host's name, and that this machine can look names up.",
  ECONNREFUSED: "Check host and port, and that the server listens there (listen_addresses).",
  EHOSTUNREACH: "Check the host, and the network between this machine and it.",
  ETIMEDOUT: "Check host and port, and the firewall between this machine and it.",
  ENOENT: "Check the files that sslrootcert, sslcert and sslkey name: they are read on this machine.",
  EACCES: "Check the files that sslrootcert, sslcert and sslkey name: they are read on this machine.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Name its authority's certificate with sslrootcert=/path/to/ca.pem.",
  SELF_SIGNED_CERT_IN_CHAIN: "Name its authority's certificate with sslrootcert=/path/to/ca.pem.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Name its authority's certificate with sslrootcert=/path/to/ca.pem.",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "Name its authority's certificate with sslrootcert=/path/to/ca.pem.",
  ERR_TLS_CERT_ALTNAME_INVALID: "Use the name that its certificate is for.",
  CERT_HAS_EXPIRED: "Give the server a certificate that is still good.",
  "28P01": "Check user and password.",
  "28000": "Let this role in from this machine with a password (pg_hba.conf).",
  "3D000": "Name a database that is there, such as postgres.",
  "53300": "Raise its max_connections, or close connections.",
};

/** A sentence for whoever gave the URL; empty when there is nothing to say beyond the error itself. */
export function connectAdvice(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (message?.includes("does not support SSL")) {
    return "Turn ssl on at the server, or leave sslmode out where the network is yours alone.";
  }
  if (message?.includes("unsupported startup parameter")) {
    return "A pooler answers: name the server itself here, and the pooler beside it (poolerUrl, --pooler-url).";
  }
  if (message?.includes("timeout expired")) return adviceByCode.ETIMEDOUT!;
  return (code && adviceByCode[code]) || "";
}
