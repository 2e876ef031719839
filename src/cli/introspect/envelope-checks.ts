import { printable } from '../terminal.ts';
import type { Context, Envelope } from './context.ts';
import { type Finding, instant, judge, quote } from './finding.ts';

/** How a signed answer is encrypted and signed, from whom it is and for whom, and what the settings want. */
export function envelopeChecks(context: Context, envelope: Envelope): Finding[] {
  const { settings, privateKeys } = context.composition.dependencies;
  const { jwe, jws, encrypted, outer } = envelope;
  const { OIDC_RS_ENCRYPTION_ALGO: alg, OIDC_RS_ENCRYPTION_ENCODING: enc, OIDC_RS_SIGNING_ALGO } = settings;
  const fits = jwe?.alg === alg && jwe.enc === enc;
  const kid = privateKeys.publicJwkSet.keys[0]?.kid;
  const ours = kid === undefined ? 'no key: OIDC_RS_PRIVATE_KEY_STR is not set' : `its key ${quote(kid)}`;
  const findings = [
    judge(jwe !== undefined && jws !== undefined, {
      name: 'jwe',
      expected: `this API wants the answer encrypted by \`${alg}\` (OIDC_RS_ENCRYPTION_ALGO) and \`${enc}\` (OIDC_RS_ENCRYPTION_ENCODING), to ${ours}`,
      found: encrypted ? `its header says ${members(jwe)}` : 'it is signed and not encrypted',
      remedy: !encrypted
        ? 'Register a public key of this API (its /jwks) and introspection_encrypted_response_alg and _enc for the client; or leave OIDC_RS_BACKEND_CLASS out, for plain answers.'
        : fits
          ? "Give the authorization server this API's public key: register its /jwks, or what oidc-rs keygen prints."
          : 'Set both to what the header says, or change the registration.',
    }),
  ];
  if (jws === undefined) return findings;
  findings.push(
    judge(jws.alg === OIDC_RS_SIGNING_ALGO, {
      name: 'jws',
      expected: `this API wants it signed by \`${OIDC_RS_SIGNING_ALGO}\` (OIDC_RS_SIGNING_ALGO)`,
      found: `its header says ${members(jws)}`,
      remedy: `Set OIDC_RS_SIGNING_ALGO=${printable(jws.alg, 40)}, or change the registration.`,
    }),
  );
  if (outer !== undefined && encrypted) findings.push(envelopeCheck(context, outer));
  return findings;
}

function envelopeCheck(context: Context, outer: NonNullable<Context['claims']>): Finding {
  const { settings } = context.composition.dependencies;
  const { OIDC_OP_URL: issuer, OIDC_RS_CLIENT_ID, OIDC_RS_INTROSPECTION_AUDIENCE } = settings;
  const audiences: unknown[] = [OIDC_RS_CLIENT_ID, ...OIDC_RS_INTROSPECTION_AUDIENCE];
  const aud: unknown[] = Array.isArray(outer.aud) ? outer.aud : [outer.aud];
  const forUs = aud.some((audience) => audiences.includes(audience));
  const fromThem = outer.iss === issuer;
  const made = outer.iat === undefined ? '' : `, made ${instant(outer.iat)}`;
  return judge(fromThem && forUs, {
    name: 'envelope',
    expected: `this API wants it from ${quote(issuer)} (OIDC_OP_URL) and for ${audiences.map(quote).join(' or ')}`,
    found: `it is from ${quote(outer.iss ?? 'nobody')} and for ${quote(outer.aud ?? 'nobody')}${made}`,
    remedy: fromThem
      ? 'Compare OIDC_RS_CLIENT_ID with the registration, or add what the answer says to OIDC_RS_INTROSPECTION_AUDIENCE.'
      : issuerRemedy(outer.iss, issuer),
  });
}

/** What to do about an issuer that is not exactly the expected one. */
export function issuerRemedy(found: unknown, issuer = ''): string {
  if (found === `${issuer}/` || `${String(found)}/` === issuer) {
    return `The two differ by a trailing slash alone: set OIDC_OP_URL=${printable(found)}.`;
  }
  return 'If that is your authorization server, set OIDC_OP_URL to it exactly; if it is not, get a token from yours.';
}

function members(header: Readonly<Record<string, unknown>> | undefined): string {
  const { alg, enc, kid, typ, cty } = header ?? {};
  const named = Object.entries({ alg, enc, kid, typ, cty }).filter(([, value]) => value !== undefined);
  return named.map(([name, value]) => `${name} ${quote(value)}`).join(', ') || 'nothing';
}
