import { describe, expect, it } from 'vitest';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import { AuthorizationServerMetadata } from '../../src/authorization-server/metadata.ts';
import { metadataUrls } from '../../src/authorization-server/metadata-document.ts';
import type { HttpAdapter, HttpRequest } from '../../src/http/http-adapter.ts';
import { loadSettings, type SettingsInput } from '../../src/settings.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { failureOf, faultOf, MARKER, UNAVAILABLE, UNTRUSTED } from '../support/faults.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const ISSUER = 'https://auth.example.com';
const OPENID = `${ISSUER}/.well-known/openid-configuration`;
const OAUTH = `${ISSUER}/.well-known/oauth-authorization-server`;
const DOCUMENT = {
  issuer: ISSUER,
  introspection_endpoint: `${ISSUER}/introspect`,
  jwks_uri: `${ISSUER}/jwks`,
  userinfo_endpoint: `${ISSUER}/userinfo`,
};
const INTROSPECTION = 'OIDC_OP_INTROSPECTION_ENDPOINT';

type Answer = { status?: number; body?: object | string } | Error;

/** Metadata whose server answers by URL; what is not there is 404. */
function metadataWith(answers: Record<string, Answer>, input: SettingsInput = {}) {
  const asked: HttpRequest[] = [];
  const http: HttpAdapter = {
    request: (request) => {
      asked.push(request);
      const answer = answers[request.url] ?? { status: 404, body: MARKER };
      if (answer instanceof Error) return Promise.reject(answer);
      const { status = 200, body = '' } = answer;
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return Promise.resolve({ status, headers: {}, body: Buffer.from(text) });
    },
  };
  const settings = loadSettings({ env: {}, settings: { OIDC_OP_URL: ISSUER, ...input } });
  const logger = new RecordingLogger();
  const clock = { now: 1000 };
  const exchange = new Exchange({ http, logger, timeoutMs: 1000 });
  const metadata = new AuthorizationServerMetadata({ settings, exchange, logger, now: () => clock.now });
  const warnings = () =>
    logger.records.filter(({ fields }) => fields.event === 'settings.warning').map(({ message }) => message);
  return {
    metadata,
    asked,
    answers,
    clock,
    logger,
    warnings,
    ask: async (name = INTROSPECTION as never) => metadata.endpoint(name),
  };
}

describe('where the metadata is', () => {
  it.each([
    [ISSUER, OPENID, OAUTH],
    [`${ISSUER}/`, OPENID, OAUTH],
    [`${ISSUER}/realms/x`, `${ISSUER}/realms/x/.well-known/openid-configuration`, `${OAUTH}/realms/x`],
    [`${ISSUER}/realms/x/`, `${ISSUER}/realms/x/.well-known/openid-configuration`, `${OAUTH}/realms/x`],
  ])('of %s: OpenID Connect appends, RFC 8414 inserts', (issuer, ...urls) => {
    expect(metadataUrls({ OIDC_OP_URL: issuer, OIDC_OP_INTERNAL_URL: undefined })).toEqual(urls);
  });

  it('is asked at the second place where the first has none, and nowhere else', async () => {
    const server = metadataWith({ [OAUTH]: { body: DOCUMENT } });
    expect(await server.ask()).toBe(DOCUMENT.introspection_endpoint);
    expect(server.asked.map(({ url }) => url)).toEqual([OPENID, OAUTH]);
    expect(server.asked[0]).toMatchObject({ method: 'GET', headers: { accept: 'application/json' } });
  });

  it('is nowhere: says which setting to check and which to set', async () => {
    const server = metadataWith({});
    const error = await faultOf(server.ask(), server.logger, UNAVAILABLE);
    expect(error.message).toMatch(/no metadata below OIDC_OP_URL.*set OIDC_OP_INTROSPECTION_ENDPOINT/);
  });
});

describe('endpoints', () => {
  it('come from the metadata, at once as soon as it is known', async () => {
    const { metadata, asked } = metadataWith({ [OPENID]: { body: DOCUMENT } });
    expect(await metadata.endpoint(INTROSPECTION)).toBe(DOCUMENT.introspection_endpoint);
    expect(metadata.endpoint(INTROSPECTION)).toBe(DOCUMENT.introspection_endpoint);
    expect(metadata.endpoint('OIDC_OP_JWKS_ENDPOINT')).toBe(DOCUMENT.jwks_uri);
    expect(metadata.optionalEndpoint('OIDC_OP_USER_ENDPOINT')).toBe(DOCUMENT.userinfo_endpoint);
    expect(metadata.optionalEndpoint('OIDC_OP_TOKEN_ENDPOINT')).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it('are those of the settings where they are set, and the metadata is not fetched for them', async () => {
    const explicit = 'https://other.example.com/introspect';
    const { metadata, asked } = metadataWith({ [OPENID]: { body: DOCUMENT } }, { [INTROSPECTION]: explicit });
    expect(metadata.endpoint(INTROSPECTION)).toBe(explicit);
    expect(asked).toEqual([]);
    expect(await metadata.endpoint('OIDC_OP_JWKS_ENDPOINT')).toBe(DOCUMENT.jwks_uri);
    expect(metadata.endpoint(INTROSPECTION)).toBe(explicit);
  });

  it('that the metadata does not name have to be set', async () => {
    const server = metadataWith({ [OPENID]: { body: { issuer: ISSUER } } });
    const error = await faultOf(server.ask(), server.logger, UNAVAILABLE);
    expect(error.message).toMatch(/names no introspection_endpoint: set OIDC_OP_INTROSPECTION_ENDPOINT/);
  });

  it.each([
    ['http://auth.example.com/introspect', /http:\/\/ URL of another machine/],
    ['ftp://auth.example.com/introspect', /must be an https/],
    ['https://somebody:secret@auth.example.com/', /without user name/],
    [42, /must be an https/],
  ])('that cannot be used (%s) are not asked (A14)', async (endpoint, wrong) => {
    const server = metadataWith({ [OPENID]: { body: { ...DOCUMENT, introspection_endpoint: endpoint } } });
    const error = await faultOf(server.ask(), server.logger, UNTRUSTED);
    expect(error.message).toMatch(wrong);
    expect(error.message).toContain('set OIDC_OP_INTROSPECTION_ENDPOINT');
    expect(server.metadata.endpoint('OIDC_OP_JWKS_ENDPOINT')).toBe(DOCUMENT.jwks_uri);
  });

  it('on the loopback address may be plain', async () => {
    const endpoint = 'http://127.0.0.1:4000/introspect';
    const server = metadataWith({ [OPENID]: { body: { ...DOCUMENT, introspection_endpoint: endpoint } } });
    expect(await server.ask()).toBe(endpoint);
  });
});

describe('a document that is not to be believed', () => {
  it.each([
    ['https://evil.example.com', /not exactly OIDC_OP_URL\.$/],
    [`${ISSUER}/`, /slash at its end is missing in the setting/],
    ['https://AUTH.example.com', /not exactly OIDC_OP_URL\.$/],
    [undefined, /not exactly OIDC_OP_URL\.$/],
    [[ISSUER], /not exactly OIDC_OP_URL\.$/],
  ])('names the issuer %s (A14)', async (issuer, message) => {
    const server = metadataWith({ [OPENID]: { body: { ...DOCUMENT, issuer } }, [OAUTH]: { body: DOCUMENT } });
    const error = await faultOf(server.ask(), server.logger, UNTRUSTED);
    expect(error.message).toMatch(message);
    expect(server.asked).toHaveLength(1);
  });

  it('names the issuer without the slash that the setting has', async () => {
    const server = metadataWith({ [OPENID]: { body: DOCUMENT } }, { OIDC_OP_URL: `${ISSUER}/` });
    const error = await faultOf(server.ask(), server.logger, UNTRUSTED);
    expect(error.message).toMatch(/slash at the end of the setting is too much/);
  });

  it.each([
    ['a redirect', { status: 302, body: MARKER }, UNTRUSTED],
    ['HTML', { body: `<html>${MARKER}` }, UNTRUSTED],
    ['a list', { body: [MARKER] }, UNTRUSTED],
    ['an error', { status: 503, body: MARKER }, UNAVAILABLE],
    ['nothing at all', Object.assign(new Error(MARKER), { kind: 'refused' }), UNAVAILABLE],
  ] as const)('is %s (A1, A8)', async (_, answer, code) => {
    const server = metadataWith({ [OPENID]: answer, [OAUTH]: { body: DOCUMENT } });
    await faultOf(server.ask(), server.logger, code);
    expect(server.asked).toHaveLength(1);
  });
});

describe('the life of the metadata', () => {
  it('is fetched once for all who wait', async () => {
    const server = metadataWith({ [OPENID]: { body: DOCUMENT } });
    const all = await Promise.all(Array.from({ length: 50 }, () => server.ask()));
    expect(new Set(all)).toEqual(new Set([DOCUMENT.introspection_endpoint]));
    expect(server.asked).toHaveLength(1);
  });

  it('is asked for again, lazily, where the server was down at the start (K6)', async () => {
    const server = metadataWith({ [OPENID]: { status: 503 } });
    await failureOf(server.ask());
    const error = await failureOf(server.ask());
    expect(error).toMatchObject({ code: UNAVAILABLE, retryAfter: 5 });
    expect(server.asked).toHaveLength(1);
    expect(server.logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    server.answers[OPENID] = { body: DOCUMENT };
    server.clock.now += 5000;
    expect(await server.ask()).toBe(DOCUMENT.introspection_endpoint);
    expect(server.asked).toHaveLength(2);
  });

  it('is refreshed in the background when it is used after ten minutes, and used on while the server is down', async () => {
    const server = metadataWith({ [OPENID]: { body: DOCUMENT } });
    await server.ask();
    server.clock.now += 10 * 60_000 - 1;
    await server.ask();
    expect(server.asked).toHaveLength(1);
    server.clock.now += 1;
    server.answers[OPENID] = { status: 503 };
    expect(server.metadata.endpoint(INTROSPECTION)).toBe(DOCUMENT.introspection_endpoint);
    await expect.poll(() => server.logger.records.some(({ level }) => level === 'warn')).toBe(true);
    expect(server.metadata.endpoint(INTROSPECTION)).toBe(DOCUMENT.introspection_endpoint);
    expect(server.asked).toHaveLength(2);
    server.answers[OPENID] = { body: { ...DOCUMENT, introspection_endpoint: `${ISSUER}/new` } };
    server.clock.now += 10 * 60_000;
    await server.ask();
    await expect.poll(() => server.metadata.endpoint(INTROSPECTION)).toBe(`${ISSUER}/new`);
  });
});

describe('OIDC_OP_INTERNAL_URL', () => {
  const INTERNAL = 'http://auth:8080';
  const input = { OIDC_OP_INTERNAL_URL: INTERNAL };
  const INSIDE = `${INTERNAL}/.well-known/openid-configuration`;

  it('is where the metadata is fetched, and where the endpoints of the issuer are asked', async () => {
    const elsewhere = 'https://keys.example.com/jwks';
    const server = metadataWith({ [INSIDE]: { body: { ...DOCUMENT, jwks_uri: elsewhere } } }, input);
    expect(await server.ask()).toBe(`${INTERNAL}/introspect`);
    expect(server.metadata.endpoint('OIDC_OP_JWKS_ENDPOINT')).toBe(elsewhere);
    expect(server.asked.map(({ url }) => url)).toEqual([INSIDE]);
  });

  it('may have another path than the issuer', async () => {
    const issuer = `${ISSUER}/realms/x`;
    const internal = `${INTERNAL}/auth/realms/x/`;
    const body = { issuer, introspection_endpoint: `${issuer}/introspect?a=b`, jwks_uri: `${ISSUER}/jwks` };
    const server = metadataWith(
      { [`${INTERNAL}/auth/realms/x/.well-known/openid-configuration`]: { body } },
      { OIDC_OP_URL: issuer, OIDC_OP_INTERNAL_URL: internal },
    );
    expect(await server.ask()).toBe(`${INTERNAL}/auth/realms/x/introspect?a=b`);
    expect(server.metadata.endpoint('OIDC_OP_JWKS_ENDPOINT')).toBe(`${INTERNAL}/jwks`);
  });

  it('may be what the document names, where the server goes by the address that it was asked under', async () => {
    const body = { issuer: ISSUER, introspection_endpoint: `${INTERNAL}/introspect` };
    const server = metadataWith({ [INSIDE]: { body } }, input);
    expect(await server.ask()).toBe(`${INTERNAL}/introspect`);
  });

  it('lets no other plain address in (A14)', async () => {
    const body = { ...DOCUMENT, introspection_endpoint: 'http://other:8080/introspect' };
    const server = metadataWith({ [INSIDE]: { body } }, input);
    await faultOf(server.ask(), server.logger, UNTRUSTED);
  });

  it('does not excuse another issuer', async () => {
    const server = metadataWith({ [INSIDE]: { body: { ...DOCUMENT, issuer: INTERNAL } } }, input);
    await faultOf(server.ask(), server.logger, UNTRUSTED);
  });
});

describe('what the metadata does not offer', () => {
  const offers = {
    ...DOCUMENT,
    introspection_endpoint_auth_methods_supported: ['client_secret_post', MARKER],
    introspection_signing_alg_values_supported: ['RS256', MARKER],
    introspection_encryption_alg_values_supported: ['RSA-OAEP-256'],
    introspection_encryption_enc_values_supported: [],
    userinfo_signing_alg_values_supported: ['PS256'],
  };

  it('is a warning that names the setting, once, and never repeats words that are not ours', async () => {
    const server = metadataWith(
      { [OPENID]: { body: offers } },
      {
        OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic',
        OIDC_RS_PRIVATE_KEY_STR: newApiKeys().pem,
        OIDC_OP_USER_ENDPOINT_FORMAT: 'JWT',
      },
    );
    await server.ask();
    const expected = [
      /^OIDC_RS_CLIENT_AUTH_METHOD is client_secret_basic, .*offers client_secret_post$/,
      /^OIDC_RS_SIGNING_ALGO is ES256, .*introspection_signing.* offers RS256$/,
      /^OIDC_RS_ENCRYPTION_ALGO is RSA-OAEP, .*offers RSA-OAEP-256$/,
      /^OIDC_RS_ENCRYPTION_ENCODING is A256GCM, .*offers none that this package knows$/,
      /^OIDC_RS_SIGNING_ALGO is ES256, .*userinfo_signing.* offers PS256$/,
    ];
    expect(server.warnings()).toEqual(expected.map((text) => expect.stringMatching(text) as string));
    expect(JSON.stringify(server.logger.records)).not.toContain(MARKER);
    server.clock.now += 10 * 60_000;
    await server.ask();
    await expect.poll(() => server.asked.length).toBe(2);
    await new Promise(setImmediate);
    expect(server.warnings()).toHaveLength(5);
  });

  it('is nothing where the settings do without it, or the metadata does not say', async () => {
    const silent = metadataWith(
      { [OPENID]: { body: DOCUMENT } },
      { OIDC_RS_PRIVATE_KEY_STR: newApiKeys().pem },
    );
    await silent.ask();
    const plain = metadataWith({ [OPENID]: { body: offers } });
    await plain.ask();
    expect([...silent.warnings(), ...plain.warnings()]).toEqual([]);
  });

  it('is known to who authenticates', async () => {
    const server = metadataWith({ [OPENID]: { body: offers } });
    expect(server.metadata.clientAuthenticationMethods).toEqual([]);
    await server.ask();
    expect(server.metadata.clientAuthenticationMethods).toContain('client_secret_post');
  });
});
