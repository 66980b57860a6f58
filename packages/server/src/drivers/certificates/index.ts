export {
  openDomainAuthority,
  openLocalAuthority,
  prepareDomainAuthorities,
  publicAuthority,
} from "./local/index.ts";
