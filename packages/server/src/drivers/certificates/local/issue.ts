import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  Name,
  NameConstraints,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import type { HostCertificate } from "../driver.ts";

/** An authority as it is kept: its certificate for everyone, its key for itself. */
export type AuthorityKeys = {
  /** PEM. */
  certificate: string;
  /** PKCS #8, DER. */
  privateKey: Buffer;
};

/** A clock that is a day behind doesn't refuse what was just made. */
const dayMs = 86_400_000;
const authorityDays = 3_650;
const hostDays = 14;
const oids = { ecdsaWithSha256: "1.2.840.10045.4.3.2", commonName: "2.5.4.3", organization: "2.5.4.10" };

/** Makes an authority that can vouch for `rootDomain` and the names below it, and for no others. */
export function makeAuthority(rootDomain: string, now: Date): AuthorityKeys & { expiresAt: Date } {
  const { publicKey, privateKey } = newKeys();
  // Two installations' authorities side by side in a browser's list are told apart by this.
  const mark = randomBytes(4).toString("hex");
  const subject = nameOf(`Tenantry ${rootDomain} ${mark}`.slice(0, 64));
  const expiresAt = new Date(now.getTime() + authorityDays * dayMs);
  const permitted = new GeneralSubtrees([
    new GeneralSubtree({ base: new GeneralName({ dNSName: rootDomain }) }),
  ]);
  const certificate = seal(privateKey, {
    issuer: subject,
    subject,
    validity: [new Date(now.getTime() - dayMs), expiresAt],
    publicKey,
    extensions: [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign), true),
      extension(id_ce_nameConstraints, new NameConstraints({ permittedSubtrees: permitted }), true),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdOf(publicKey))),
    ],
  });
  return { certificate, privateKey: privateKey.export({ format: "der", type: "pkcs8" }), expiresAt };
}

/** Issues a certificate for one hostname; takes one or two milliseconds. */
export type Issue = (hostname: string, now: Date) => HostCertificate;

export function createIssuer(authority: AuthorityKeys): Issue {
  const certificate = new X509Certificate(authority.certificate);
  const authorityKey = createPrivateKey({ key: authority.privateKey, format: "der", type: "pkcs8" });
  const issuer = AsnConvert.parse(certificate.raw, Certificate).tbsCertificate.subject;
  const keyId = keyIdOf(createPublicKey(authorityKey));

  return (hostname: string, now: Date) => {
    const { publicKey, privateKey } = newKeys();
    const notBefore = new Date(Math.max(now.getTime() - dayMs, Date.parse(certificate.validFrom)));
    const expiresAt = new Date(Math.min(now.getTime() + hostDays * dayMs, Date.parse(certificate.validTo)));
    const alternative = new SubjectAlternativeName([new GeneralName({ dNSName: hostname })]);
    const issued = seal(authorityKey, {
      issuer,
      // The names that count are the alternative ones; without a name of its own these are critical.
      subject: new Name([]),
      validity: [notBefore, expiresAt],
      publicKey,
      extensions: [
        extension(id_ce_basicConstraints, new BasicConstraints(), true),
        extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
        extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
        extension(id_ce_subjectAltName, alternative, true),
        extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: keyId })),
        extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdOf(publicKey))),
      ],
    });
    const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    return { chain: `${issued}${authority.certificate}`, privateKey: pem, expiresAt };
  };
}

type Content = {
  issuer: Name;
  subject: Name;
  validity: [Date, Date];
  publicKey: KeyObject;
  extensions: Extension[];
};

/** Signs a certificate; PEM. */
function seal(key: KeyObject, content: Content): string {
  const algorithm = new AlgorithmIdentifier({ algorithm: oids.ecdsaWithSha256 });
  const [notBefore, notAfter] = content.validity;
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: newSerial(),
    signature: algorithm,
    issuer: content.issuer,
    validity: new Validity({ notBefore, notAfter }),
    subject: content.subject,
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(content.publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions(content.extensions),
  });
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), key);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: bytesOf(signature),
  });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString();
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** Sixteen random bytes, positive and with no byte to spare (RFC 5280 §4.1.2.2). */
function newSerial(): ArrayBuffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return bytesOf(serial);
}

function nameOf(commonName: string): Name {
  const part = (type: string, value: string) =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: value }) }),
    ]);
  return new Name([part(oids.organization, "Tenantry local authority"), part(oids.commonName, commonName)]);
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function keyIdOf(publicKey: KeyObject): OctetString {
  return new OctetString(bytesOf(createHash("sha256").update(spkiOf(publicKey)).digest().subarray(0, 20)));
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" });
}

/** A buffer of its own: the schema takes all of it. */
function bytesOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
