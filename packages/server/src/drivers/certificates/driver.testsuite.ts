import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CertificateDriver } from "./driver.ts";

export type CertificateDriverHarness = {
  driver: CertificateDriver;
  /** A hostname that it vouches for, another one, and one that it may not vouch for. */
  names: { good: string; other: string; foreign: string };
  close(): Promise<void>;
};

/** What every driver of certificates promises. */
export function describeCertificateDriver(
  title: string,
  open: () => Promise<CertificateDriverHarness>,
): void {
  describe(title, () => {
    let harness: CertificateDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness?.close());

    test("a certificate is good for its hostname alone, for a day at least, and its key belongs to it", async () => {
      const { driver, names } = harness;
      const { chain, privateKey, expiresAt } = await driver.certificateFor(names.good);
      expect(() => createSecureContext({ cert: chain, key: privateKey })).not.toThrow();
      const certificate = new X509Certificate(chain);
      expect(certificate.checkHost(names.good)).toBe(names.good);
      for (const name of [names.other, `sub.${names.good}`, names.foreign]) {
        expect(certificate.checkHost(name)).toBeUndefined();
      }
      expect(certificate.ca).toBe(false);
      expect(Math.abs(Date.parse(certificate.validTo) - expiresAt.getTime())).toBeLessThan(1_000);
      expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(86_400_000);
      expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(Date.now());
    });

    test("the certificates of two hostnames share no key", async () => {
      const { driver, names } = harness;
      const [one, other] = await Promise.all(
        [names.good, names.other].map((name) => driver.certificateFor(name)),
      );
      expect(one!.privateKey).not.toBe(other!.privateKey);
    });

    test("a name that it may not vouch for is refused", async () => {
      await expect(harness.driver.certificateFor(harness.names.foreign)).rejects.toThrow(
        harness.names.foreign,
      );
    });
  });
}
