import { writeFileSync } from 'node:fs';
import { PrivateKeys } from '../key/private-keys.ts';
import { Secret } from '../secret.ts';
import { envLine } from './env-file.ts';
import { readTextFile } from './environment.ts';
import { EXIT, type ExitCode, UsageError } from './exit-code.ts';
import { algorithmOf, generateKey, type KeyFlags } from './keygen/key-options.ts';
import { writePrivateFile } from './private-file.ts';
import type { Terminal } from './terminal.ts';

/** What `oidc-rs keygen` takes. */
export interface KeygenFlags extends KeyFlags {
  readonly encoding: string;
  /** Where the PEM is written; without it, the PEM is part of the printed setting. */
  readonly out?: string;
  readonly jwksOut?: string;
  /** A file with the present keys, in front of which the new one is put. */
  readonly rotate?: string;
  readonly json?: boolean;
}

const SETTING = 'OIDC_RS_PRIVATE_KEY_STR';

/** Makes a private key, and prints or writes it with the settings and the public JWK Set that go with it. */
export function keygen(flags: KeygenFlags, terminal: Terminal): ExitCode {
  const { type, encoding, rotate, out = rotate } = flags;
  const algorithm = algorithmOf(flags);
  const old = rotate === undefined ? '' : readTextFile(rotate, '--rotate');
  const pem =
    `${generateKey(flags).export({ type: 'pkcs8', format: 'pem' }).toString()}${old.trim()}`.trim() + '\n';
  // What the API would say of the result, before anything is written.
  const { keys, problems } = PrivateKeys.read({ pem: new Secret(pem), keyType: type, algorithm, encoding });
  if (problems.length > 0) throw new UsageError(problems.join('\n'));

  const jwks = JSON.stringify(keys.publicJwkSet);
  if (out !== undefined)
    writePrivateFile(out, pem, rotate === out ? '--rotate' : '--out', { replace: rotate === out });
  if (flags.jwksOut !== undefined) writeJwks(flags.jwksOut, jwks);
  const settings = {
    ...(out === undefined ? { [SETTING]: pem } : { [`${SETTING}_FILE`]: out }),
    OIDC_RS_ENCRYPTION_KEY_TYPE: type,
    OIDC_RS_ENCRYPTION_ALGO: algorithm,
    OIDC_RS_ENCRYPTION_ENCODING: encoding,
  };
  if (flags.json) terminal.out(JSON.stringify({ settings, jwks: keys.publicJwkSet }));
  else print(settings, jwks, flags, terminal);
  return EXIT.ok;
}

function writeJwks(file: string, jwks: string): void {
  try {
    writeFileSync(file, `${jwks}\n`);
  } catch (error) {
    throw new UsageError(
      `--jwks-out: ${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'an error'}).`,
    );
  }
}

// All of it is a piece of an `.env` file: whatever is no setting is a comment.
function print(settings: Record<string, string>, jwks: string, flags: KeygenFlags, terminal: Terminal): void {
  const { OIDC_RS_ENCRYPTION_ALGO: alg = '', OIDC_RS_ENCRYPTION_ENCODING: enc = '' } = settings;
  terminal.out('# Signed and encrypted introspection answers (RFC 9701)');
  for (const [name, value] of Object.entries(settings)) {
    terminal.out(
      envLine(name, value) ?? `# ${name} cannot be written in a line: put it into a file by --out.`,
    );
  }
  terminal.out(
    [
      '# The public half, for the registration of this API at the authorization server: as "jwks", or as "jwks_uri" the',
      "# URL of the API's own /jwks, which publishes the same.",
      `# ${jwks}`,
      `# There too: introspection_encrypted_response_alg ${alg}, introspection_encrypted_response_enc ${enc}.`,
      '# They are asked for with OIDC_RS_BACKEND_CLASS=JWTResourceServerBackend. See whether all fits: oidc-rs check',
    ].join('\n'),
  );
  if (flags.rotate === undefined) return;
  terminal.err(
    'The new key is in front, and the only one that is published; the old ones go on decrypting. Restart the API, and take ' +
      'the old ones away when the authorization server encrypts to the new one.',
  );
}
