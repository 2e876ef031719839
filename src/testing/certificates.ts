import type { CertificateExtension, generate as generateCertificate } from 'selfsigned';
import { loadOptionalPeer } from './optional-peer.ts';

/** A certificate and its private key, both PEM: what `https.createServer` takes. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Certificates for tests, made anew in every process. */
export interface Certificates {
  /** The authority that signed all but `selfSigned`. */
  readonly ca: string;
  /** For 127.0.0.1. */
  readonly good: Certificate;
  /** For another host. */
  readonly wrongName: Certificate;
  /** For 127.0.0.1, until some day in 2020. */
  readonly expired: Certificate;
  /** For 127.0.0.1, signed by itself. */
  readonly selfSigned: Certificate;
}

const HERE: CertificateExtension = { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] };
const ELSEWHERE: CertificateExtension = {
  name: 'subjectAltName',
  altNames: [{ type: 2, value: 'elsewhere.example' }],
};
const AUTHORITY: readonly CertificateExtension[] = [
  { name: 'basicConstraints', cA: true, critical: true },
  { name: 'keyUsage', keyCertSign: true, critical: true },
];
const VALID_UNTIL = new Date('2049-01-01');

type Generate = typeof generateCertificate;

async function make(
  generate: Generate,
  name: string,
  extensions: readonly CertificateExtension[],
  signer?: Certificate,
  until = VALID_UNTIL,
): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date('2020-01-01'),
    notAfterDate: until,
    extensions: [...extensions],
    ...(signer && { ca: signer }),
  });
  return { cert, key };
}

async function makeCertificates(): Promise<Certificates> {
  const load = () => import('selfsigned');
  const { generate } = await loadOptionalPeer('selfsigned', 'httpAdapterContract', load);
  const authority = await make(generate, 'authority', AUTHORITY);
  return {
    ca: authority.cert,
    good: await make(generate, 'good', [HERE], authority),
    wrongName: await make(generate, 'wrong-name', [ELSEWHERE], authority),
    expired: await make(generate, 'expired', [HERE], authority, new Date('2020-01-02')),
    selfSigned: await make(generate, 'self-signed', [HERE]),
  };
}

let making: Promise<Certificates> | undefined;

/** Certificates for this process. @throws Error when the package selfsigned is not installed */
export function testCertificates(): Promise<Certificates> {
  making ??= makeCertificates();
  return making;
}
