import { mediaTypeOf } from '../../authorization-server/exchange.ts';
import { isResourceServerError } from '../../errors.ts';
import type { Settings } from '../../settings.ts';
import { headersOf, isCompact } from '../envelope.ts';
import { introspectionsOf } from '../recorded-exchanges.ts';
import { printable } from '../terminal.ts';
import { type Check, fail, type Finding, pass, skip } from './check.ts';
import { explain } from './explain.ts';

const JSON_TYPE = 'application/json';
const JWT_TYPE = 'application/token-introspection+jwt';

/** What the authorization server answered with: JSON or a JWT, as the backend wants, and by which algorithms. */
export const answer: Check = {
  name: 'answer',
  async run({ composition, http, accepted, outcome, reading }) {
    if (composition === undefined || accepted !== true)
      return [skip('No answer came that could be looked at.')];
    const { response, request } = introspectionsOf(http.exchanges).at(-1) ?? {};
    if (response?.status !== 200)
      return [skip('The authorization server answers unknown tokens with an error, which is allowed.')];
    const wanted = request?.headers.accept === JWT_TYPE ? JWT_TYPE : JSON_TYPE;
    const type = mediaTypeOf(response);
    const backend = composition.backendName;
    if (type !== wanted) {
      return [
        fail(
          `${backend} wants ${wanted}, and the authorization server answered ${printable(type)}.`,
          wanted === JWT_TYPE
            ? 'Register this client for signed and encrypted introspection answers, or set OIDC_RS_BACKEND_CLASS=IntrospectionResourceServerBackend.'
            : 'Register this client for plain answers, or set OIDC_RS_BACKEND_CLASS=JWTResourceServerBackend.',
        ),
      ];
    }
    const body = Buffer.from(response.body).toString('latin1');
    const algorithms =
      wanted === JWT_TYPE
        ? await compareAlgorithms(body, composition.dependencies.privateKeys, reading.settings)
        : [];
    if (algorithms.length > 0) return algorithms;
    if (!isResourceServerError(outcome) || outcome.code !== 'ERR_INVALID_TOKEN')
      return [fail(explain(outcome))];
    return (outcome as { reason?: unknown }).reason === 'inactive'
      ? [pass(`An unknown token is said to be inactive, in ${wanted}.`)]
      : [fail('A token that nobody has issued is not said to be inactive.')];
  },
};

async function compareAlgorithms(
  jwt: string,
  privateKeys: Parameters<typeof headersOf>[1],
  settings: Settings,
): Promise<Finding[]> {
  if (!isCompact(jwt, 5)) {
    return [
      fail(
        'The answer is signed and not encrypted.',
        'Register a public key of this API (its /jwks) and introspection_encrypted_response_alg and _enc for the client.',
      ),
    ];
  }
  const { jwe, jws } = await headersOf(jwt, privateKeys);
  const found: Finding[] = [];
  const compare = (
    what: unknown,
    setting: 'OIDC_RS_ENCRYPTION_ALGO' | 'OIDC_RS_ENCRYPTION_ENCODING' | 'OIDC_RS_SIGNING_ALGO',
    verb: string,
  ): void => {
    if (what === settings[setting]) return;
    const used = printable(what, 40);
    found.push(
      fail(
        `The answer is ${verb} ${used}, and ${setting} is ${settings[setting]}.`,
        `Set ${setting}=${used}, or change the registration.`,
      ),
    );
  };
  compare(jwe?.alg, 'OIDC_RS_ENCRYPTION_ALGO', 'encrypted by');
  compare(jwe?.enc, 'OIDC_RS_ENCRYPTION_ENCODING', 'encrypted by');
  const [ours] = privateKeys.publicJwkSet.keys;
  if (jws === undefined && found.length === 0) {
    const kid = jwe?.kid === undefined ? 'a key that it does not name' : `the key ${printable(jwe.kid, 60)}`;
    found.push(
      fail(
        `The answer is encrypted to ${kid}, and ours is ${ours?.kid ?? 'none'}.`,
        "Give the authorization server this API's public key: register its /jwks, or what oidc-rs keygen prints.",
      ),
    );
  }
  if (jws !== undefined) compare(jws.alg, 'OIDC_RS_SIGNING_ALGO', 'signed by');
  return found;
}
