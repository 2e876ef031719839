import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

let made: Certificates | undefined;

/** Makes certificates with the `openssl` command, once. @throws when that is not installed: nothing is skipped */
export function testCertificates(): Certificates {
  if (made !== undefined) return made;
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  try {
    made = makeCertificates(directory);
    return made;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const CONFIGURATION = `
[req]
distinguished_name = subject
[subject]
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
certificate = authority.pem
private_key = authority.key
default_md = sha256
policy = policy
[policy]
commonName = supplied
[authority_extensions]
basicConstraints = critical,CA:TRUE
[here]
subjectAltName = IP:127.0.0.1
[elsewhere]
subjectAltName = DNS:elsewhere.example
`;
const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
const VALID = '-startdate 20200101000000Z -enddate 20490101000000Z';
const EXPIRED = '-startdate 20200101000000Z -enddate 20200102000000Z';

function makeCertificates(directory: string): Certificates {
  const openssl = (parameters: string): void => {
    try {
      execFileSync('openssl', parameters.split(' '), { cwd: directory, stdio: 'pipe', timeout: 10_000 });
    } catch (cause) {
      throw new Error('These tests need the `openssl` command, and it failed.', { cause });
    }
  };
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const pair = (name: string): Certificate => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) });
  const selfSign = (name: string, extensions: string): Certificate => {
    openssl(
      `req -x509 -config c ${NEW_KEY} -subj /CN=${name} -extensions ${extensions} -keyout ${name}.key -out ${name}.pem`,
    );
    return pair(name);
  };
  const sign = (name: string, extensions: string, dates: string): Certificate => {
    openssl(`req -new -config c ${NEW_KEY} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    openssl(
      `ca -config c -batch -notext -rand_serial -extensions ${extensions} ${dates} -in ${name}.csr -out ${name}.pem`,
    );
    return pair(name);
  };
  writeFileSync(join(directory, 'c'), CONFIGURATION);
  writeFileSync(join(directory, 'index.txt'), '');
  return {
    ca: selfSign('authority', 'authority_extensions').cert,
    good: sign('good', 'here', VALID),
    wrongName: sign('wrong-name', 'elsewhere', VALID),
    expired: sign('expired', 'here', EXPIRED),
    selfSigned: selfSign('self-signed', 'here'),
  };
}
