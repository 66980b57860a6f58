import { existsSync, readFileSync } from "node:fs";

export interface System {
  /** As /etc/os-release says, `debian` and `12`; empty where there is none. */
  id: string;
  version: string;
  isRoot: boolean;
  hasApt: boolean;
}

export function readSystem(): System {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return {
    id: field(release, "ID"),
    version: field(release, "VERSION_ID"),
    isRoot: process.getuid?.() === 0,
    hasApt: existsSync("/usr/bin/apt-get"),
  };
}

/** Why packages cannot be installed here, or null when they can. */
export function whyNotInstallable({ id, version, isRoot, hasApt }: System): string | null {
  if (id !== "debian" || version !== "12")
    return `this system is ${[id, version].filter(Boolean).join(" ") || "unknown"}, and the packages' names are Debian 12's`;
  if (!hasApt) return "there is no apt-get";
  return isRoot ? null : "installing needs root";
}

function field(release: string, name: string): string {
  return release.match(new RegExp(`^${name}="?([^"\\n]*)"?$`, "m"))?.[1] ?? "";
}
