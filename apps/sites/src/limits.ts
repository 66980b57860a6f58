import { bytesOf, type Settings } from "@tenantry/sdk";

const defaultMaxPages = 100;
const defaultMaxUsers = 5;
const defaultStorageQuota = 1e9;
const defaultMaxUpload = 10e6;

/** How many pages the site may have. */
export function maxPages(settings: Settings): number {
  const limit = settings.get("maxPages");
  return typeof limit === "number" && limit >= 0 ? limit : defaultMaxPages;
}

/** How many users the site may have. */
export function maxUsers(settings: Settings): number {
  const limit = settings.get("maxUsers");
  return typeof limit === "number" && limit >= 0 ? limit : defaultMaxUsers;
}

/** How many bytes the site may store. */
export function storageQuotaBytes(settings: Settings): number {
  return bytesOf(settings.get("storageQuota")) ?? defaultStorageQuota;
}

/** How many bytes one uploaded file may have. */
export function maxUploadBytes(settings: Settings): number {
  return bytesOf(settings.get("app.maxUploadSize")) ?? defaultMaxUpload;
}

/** A size for people: three digits at most, "1 GB" being 10⁹ bytes. */
export function showBytes(bytes: number): string {
  const steps = ["bytes", "KB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), steps.length - 1);
  const value = bytes / 1000 ** step;
  const digits = step === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString("en", { maximumFractionDigits: digits })} ${steps[step]}`;
}
