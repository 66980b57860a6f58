export type { CertificateDriver, HostCertificate } from "./driver.ts";
export { type LocalAuthority, openLocalAuthority, publicAuthority } from "./local/index.ts";
