import { z } from "zod";

export const certificateAuthorityReply = z
  .object({
    rootDomain: z.string().describe("It vouches for this name and those below it, and for no others."),
    certificate: z.string().describe("PEM: for browsers and programs to trust."),
    fingerprint: z.string().describe("SHA-256, to compare with what a browser shows."),
    expiresAt: z.string(),
  })
  .meta({ id: "CertificateAuthority" });
export type CertificateAuthorityReply = z.infer<typeof certificateAuthorityReply>;
