import { parseJsonObject } from '../../authorization-server/exchange.ts';
import { KINDS, readKeys } from '../../authorization-server/signing-key.ts';
import { loadJose } from '../../key/jose.ts';
import { printable } from '../terminal.ts';
import { type Check, type CheckContext, fail, type Finding, pass, skip } from './check.ts';
import { addressOf } from './endpoints.ts';
import { explain } from './explain.ts';

/** Whether the authorization server publishes a key that can have made a signature of `OIDC_RS_SIGNING_ALGO`. */
export const signingKeys: Check = {
  name: 'signing keys',
  async run(context) {
    const { settings } = context.reading;
    const signed =
      settings.OIDC_RS_PRIVATE_KEY_STR !== undefined || settings.OIDC_OP_USER_ENDPOINT_FORMAT === 'JWT';
    if (!signed) return [skip('No signed answers are asked for.')];
    const url = addressOf('OIDC_OP_JWKS_ENDPOINT', context);
    if (url === undefined)
      return [
        fail("The address of the authorization server's keys is not known.", 'Set OIDC_OP_JWKS_ENDPOINT.'),
      ];
    if (typeof url !== 'string') return [url];
    const keys = await keysAt(url, context);
    if ('status' in keys) return [keys];
    const algorithm = settings.OIDC_RS_SIGNING_ALGO;
    const fitting = readKeys(keys).keys.filter(
      ({ kind, alg }) => kind === KINDS.get(algorithm) && (alg === undefined || alg === algorithm),
    );
    if (fitting.length > 0)
      return [pass(`${url} has ${String(fitting.length)} of ${String(keys.length)} keys for ${algorithm}.`)];
    const algorithms = [...KINDS].filter(([alg, kind]) =>
      readKeys(keys).keys.some((key) => key.kind === kind && (key.alg === undefined || key.alg === alg)),
    );
    const names = algorithms.map(([alg]) => String(alg)).join(', ') || 'nothing that is taken here';
    return [
      fail(
        `${url} has no key for OIDC_RS_SIGNING_ALGO=${algorithm}; its keys are good for ${names}.`,
        'Set OIDC_RS_SIGNING_ALGO to what the registration says, or change the registration.',
      ),
    ];
  },
};

/** Whether what is encrypted to our public key is decrypted by our private one, by the algorithms of the settings. */
export const ourKey: Check = {
  name: 'our key',
  async run({ composition, reading }) {
    const { settings } = reading;
    if (settings.OIDC_RS_PRIVATE_KEY_STR === undefined)
      return [skip('There is none: no encrypted answers are asked for.')];
    const [jwk] = composition?.dependencies.privateKeys.publicJwkSet.keys ?? [];
    if (composition === undefined || jwk === undefined)
      return [skip('The settings have to be corrected first.')];
    const { CompactEncrypt, importJWK } = await loadJose();
    const header = {
      alg: settings.OIDC_RS_ENCRYPTION_ALGO,
      enc: settings.OIDC_RS_ENCRYPTION_ENCODING,
      kid: jwk.kid,
    };
    const jwe = await new CompactEncrypt(Buffer.from('oidc-rs'))
      .setProtectedHeader(header)
      .encrypt(await importJWK({ ...jwk }, jwk.alg));
    await composition.dependencies.privateKeys.decrypt(jwe);
    return [pass(`Decrypts ${header.alg} and ${header.enc}; its kid is ${jwk.kid}.`)];
  },
};

/** Whether our published JWK Set can be fetched, and is ours. */
export const publishedJwks: Check = {
  name: 'published keys',
  async run(context) {
    const url = context.flags.jwksUrl;
    if (url === undefined) return [skip('Say --jwks-url <url> to see whether your /jwks can be reached.')];
    const ours = context.composition?.dependencies.privateKeys.publicJwkSet.keys ?? [];
    const keys = await keysAt(url, context);
    if ('status' in keys) return [keys];
    const kids = keys.map((key) => (key as { kid?: unknown } | null)?.kid);
    if (keys.some((key) => typeof key === 'object' && key !== null && 'd' in key)) {
      return [fail(`${url} publishes a private key.`, 'Take it down and make a new key: oidc-rs keygen.')];
    }
    const [first] = ours;
    if (first === undefined) return [pass(`${url} is reached.`)];
    if (kids.includes(first.kid)) return [pass(`${url} publishes our key ${first.kid}.`)];
    return [
      fail(
        `${url} publishes ${kids.map((kid) => printable(kid, 60)).join(', ') || 'no key'}, and ours is ${first.kid}.`,
        'Restart the API with these settings, or check that the URL is that of this API.',
      ),
    ];
  },
};

async function keysAt(url: string, { exchange }: CheckContext): Promise<readonly unknown[] | Finding> {
  try {
    const response = await exchange.send({
      method: 'GET',
      url,
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    const keys = response.status === 200 ? parseJsonObject(response.body)?.keys : undefined;
    if (Array.isArray(keys)) return keys as readonly unknown[];
    return fail(
      `${url} answers with ${response.status === 200 ? 'what is no JWK Set' : `status ${String(response.status)}`}.`,
    );
  } catch (error) {
    return fail(`${url}: ${explain(error)}`);
  }
}
