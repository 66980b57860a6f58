/** What a listener needs to prove that it is a hostname. */
export type HostCertificate = {
  /** PEM: the certificate of the hostname, and behind it those that lead to an authority. */
  chain: string;
  /** PEM, PKCS #8. */
  privateKey: string;
  expiresAt: Date;
};

/** One way to come by the certificates of hostnames. */
export type CertificateDriver = {
  /** As certificates name it: `local`. */
  readonly driver: string;

  /**
   * A certificate that is good for `hostname` alone, and for at least a day. It is asked for names that lead to an
   * environment only; each answer may be another certificate. Rejects for a name that it may not vouch for.
   */
  certificateFor(hostname: string): Promise<HostCertificate>;
};
