/** What listening for TLS takes. Where certificates come from, whoever starts the gateway decides. */
export type TlsOptions = {
  /** The gateway's other port; 0 takes a free one. */
  port: number;
  /** Fixed on this node: whether hosts get certificates by themselves. Left out, the registry says. */
  automatic?: boolean;
  /** A certificate for a hostname of the route table, and its key; PEM. Rejects when there is none to be had. */
  certificateFor(hostname: string): Promise<{ chain: string; privateKey: string; expiresAt: Date }>;
  /** 32 bytes that nobody outside of this installation can work out; the same at each of its gateways. */
  secretFor(purpose: string): Buffer;
};
