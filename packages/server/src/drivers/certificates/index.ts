export type { CertificateDriver, HostCertificate } from "./driver.ts";
export {
  type LocalAuthority,
  openDomainAuthority,
  openLocalAuthority,
  prepareDomainAuthorities,
  publicAuthority,
} from "./local/index.ts";
