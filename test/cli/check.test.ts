import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openUserDatabase } from '../../src/cli/user-database.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { oidcRs } from '../support/terminal.ts';

const keys = newApiKeys();
const otherKeys = newApiKeys();
const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-check-'));
let server: TestAuthorizationServer;
/** The settings of an API that knows its authorization server by OIDC_OP_URL alone. */
let json: Record<string, string>;
let jwt: Record<string, string>;

beforeAll(async () => {
  server = await startAuthorizationServer({ encryptionJwks: keys.jwks });
  json = byUrlAlone({ ...server.settingsFor('json'), OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
  jwt = byUrlAlone({
    ...server.settingsFor('jwt'),
    OIDC_RS_ALLOWED_AUDIENCES: 'spa',
    OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
    OIDC_RS_PRIVATE_KEY_STR: keys.pem,
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const servers: Server[] = [];
afterEach(() => {
  for (const other of servers.splice(0)) {
    other.close();
    other.closeAllConnections();
  }
});

function byUrlAlone(settings: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !/^OIDC_OP_.*_ENDPOINT$/.test(name)));
}

async function listen(listener: RequestListener): Promise<string> {
  const other = createServer(listener);
  servers.push(other);
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((other.address() as AddressInfo).port)}`;
}

/** Runs the doctor; `line` is a finding with its remedy, by the name of its check. */
async function check(env: Record<string, string | undefined>, ...args: string[]) {
  const run = await oidcRs(['check', ...args], { env });
  const secrets = [json.OIDC_RS_CLIENT_SECRET, jwt.OIDC_RS_CLIENT_SECRET, 'PRIVATE KEY', 'hunter2'];
  for (const secret of secrets) expect(run.out + run.err).not.toContain(secret);
  const line = (name: string): string => {
    const found = run.out.split(/\n(?! )/).filter((text) => text.slice(2).startsWith(name));
    return found.join('\n').replace(/\n +/g, ' ');
  };
  return { ...run, line };
}

/** A transcript without what differs from run to run. */
function transcript(out: string): string {
  return out.replaceAll(server.url, '<issuer>').replace(/kid is \S+/, 'kid is <kid>.');
}

describe('a good state', () => {
  it('of plain introspection passes every check', async () => {
    const run = await check(json);
    expect(transcript(run.out)).toMatchInlineSnapshot(`
      "✓ settings        Complete. Requests are let in by IntrospectionResourceServerBackend.
      ✓ audience        Only these callers may come in: spa.
      ✓ discovery       <issuer>/.well-known/openid-configuration names exactly the issuer of OIDC_OP_URL.
      ✓ endpoints       OIDC_OP_INTROSPECTION_ENDPOINT (<issuer>/token/introspection) is reached on this machine.
      ✓ endpoints       OIDC_OP_JWKS_ENDPOINT (<issuer>/jwks) is reached on this machine.
      ✓ endpoints       OIDC_OP_USER_ENDPOINT (<issuer>/me) is reached on this machine.
      – our key         There is none: no encrypted answers are asked for.
      – signing keys    No signed answers are asked for.
      ✓ credentials     The authorization server knows api-json (client_secret_basic) and lets it introspect tokens.
      ✓ answer          An unknown token is said to be inactive, in application/json.
      – published keys  Say --jwks-url <url> to see whether your /jwks can be reached.
      ✓ clock           Agrees with the authorization server's to 1 s.
      – cache           There is none: OIDC_RS_CACHE_TTL is 0, and every request asks the authorization server.
      – users           Say --database <file or url> to see whether the users can be found.

      Nothing failed: 9 passed, 0 warnings, 5 not looked at.
      "
    `);
    expect(run).toMatchObject({ code: 0, err: '' });
  });

  it('of signed and encrypted introspection passes every check', async () => {
    const run = await check(jwt);
    expect(transcript(run.out)).toMatchInlineSnapshot(`
      "✓ settings        Complete. Requests are let in by JWTResourceServerBackend.
      ✓ audience        Only these callers may come in: spa.
      ✓ discovery       <issuer>/.well-known/openid-configuration names exactly the issuer of OIDC_OP_URL.
      ✓ endpoints       OIDC_OP_INTROSPECTION_ENDPOINT (<issuer>/token/introspection) is reached on this machine.
      ✓ endpoints       OIDC_OP_JWKS_ENDPOINT (<issuer>/jwks) is reached on this machine.
      ✓ endpoints       OIDC_OP_USER_ENDPOINT (<issuer>/me) is reached on this machine.
      ✓ our key         Decrypts RSA-OAEP and A256GCM; its kid is <kid>.
      ✓ signing keys    <issuer>/jwks has 1 of 2 keys for ES256.
      ✓ credentials     The authorization server knows api-jwt (client_secret_basic) and lets it introspect tokens.
      ✓ answer          An unknown token is said to be inactive, in application/token-introspection+jwt.
      – published keys  Say --jwks-url <url> to see whether your /jwks can be reached.
      ✓ clock           Agrees with the authorization server's to 1 s.
      – cache           There is none: OIDC_RS_CACHE_TTL is 0, and every request asks the authorization server.
      – users           Say --database <file or url> to see whether the users can be found.

      Nothing failed: 11 passed, 0 warnings, 3 not looked at.
      "
    `);
    expect(run).toMatchObject({ code: 0, err: '' });
  });

  it('comes from files too, and the environment wins over them', async () => {
    const file = join(folder, 'good.env');
    writeFileSync(
      file,
      Object.entries(json)
        .map(([name, value]) => `${name}="${value}"`)
        .join('\n'),
    );
    expect(await check({}, '--env-file', file)).toMatchObject({ code: 0 });
    const run = await check({ OIDC_RS_CLIENT_SECRET: 'hunter2' }, '--env-file', file);
    expect(run.line('credentials')).toContain('refuses api-json');
  });

  it('is one JSON object for machines', async () => {
    const run = await check(json, '--json');
    const report = JSON.parse(run.out) as {
      ok: boolean;
      checks: { name: string; status: string; message: string }[];
    };
    expect(report.ok).toBe(true);
    expect(report.checks.map(({ name, status }) => `${status} ${name}`)).toContain('pass credentials');
    for (const { message } of report.checks) expect(message).toMatch(/\.$/);
  });

  it('has colours where they are understood', async () => {
    const { out } = await oidcRs(['check'], { env: json, colours: true });
    expect(out).toContain('\u001b[32m✓\u001b[39m settings');
  });

  it('with a warning fails where --strict asks for more', async () => {
    const anybody = { ...json, OIDC_RS_ALLOWED_AUDIENCES: undefined };
    const run = await check(anybody);
    expect(run.line('audience')).toMatch(/^! audience +Any token .* → Set OIDC_RS_RESOURCE/);
    expect(run.code).toBe(0);
    expect((await check(anybody, '--strict')).code).toBe(1);
    expect(
      (await check({ ...anybody, OIDC_RS_RESOURCE: 'https://api.example.com' })).line('audience'),
    ).toMatch(/^✓/);
  });
});

describe('a broken state', () => {
  it('a wrong secret: the credentials or the method, and what the server advertises', async () => {
    const run = await check({ ...json, OIDC_RS_CLIENT_SECRET: 'hunter2' });
    expect(run.line('credentials')).toMatch(
      /^✗ credentials +The authorization server refuses api-json \(status 401\): your credentials or the authentication method are wrong\. Tried: client_secret_basic, client_secret_post\. For the token endpoint the server advertises .*client_secret_basic.* → Compare OIDC_RS_CLIENT_ID, OIDC_RS_CLIENT_SECRET and OIDC_RS_CLIENT_AUTH_METHOD/,
    );
    expect(run.code).toBe(1);
  });

  it('a wrong method', async () => {
    const run = await check({
      ...byUrlAlone(server.settingsFor('json-post')),
      OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic',
    });
    expect(run.line('credentials')).toMatch(/^✗ .*Tried: client_secret_basic\./);
    expect(run.code).toBe(1);
  });

  it('a client that may not introspect', async () => {
    const url = await listen((request, response) => {
      response.writeHead(request.method === 'POST' ? 403 : 404).end();
    });
    const run = await check({
      ...json,
      OIDC_OP_URL: url,
      OIDC_OP_INTROSPECTION_ENDPOINT: `${url}/introspect`,
    });
    expect(run.line('credentials')).toMatch(
      /knows api-json and does not let it introspect .* → Allow this client/,
    );
    expect(run.line('discovery')).toMatch(/^! discovery +The authorization server publishes no metadata/);
    expect(run.code).toBe(1);
  });

  it('the issuer with a trailing slash', async () => {
    const run = await check({ ...json, OIDC_OP_URL: `${server.url}/` });
    expect(transcript(run.line('discovery'))).toMatch(
      /^✗ discovery +The authorization server calls itself <issuer>, and OIDC_OP_URL is <issuer>\/\..* → Set OIDC_OP_URL=<issuer> if/,
    );
    expect(run.line('credentials')).toMatch(/^–/);
    expect(run.code).toBe(1);
  });

  it('JWT asked of a client registered for JSON', async () => {
    const run = await check({
      ...json,
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
    });
    expect(run.line('answer')).toMatch(
      /^✗ answer +The answer is signed and not encrypted\. → Register a public key/,
    );
    expect(run.code).toBe(1);
  });

  it('JSON asked of a client registered for JWT', async () => {
    const run = await check({ ...jwt, OIDC_RS_BACKEND_CLASS: undefined });
    expect(run.line('credentials')).toMatch(
      /answered 400 \(invalid_request\).* → Compare OIDC_RS_BACKEND_CLASS/,
    );
    expect(run.code).toBe(1);
  });

  it('a server that answers JSON to whoever asks for a JWT (J1)', async () => {
    const url = await listen((request, response) => {
      response.writeHead(request.method === 'POST' ? 200 : 404, { 'content-type': 'application/json' });
      response.end('{"active":false}');
    });
    const run = await check({ ...jwt, OIDC_OP_URL: url, OIDC_OP_INTROSPECTION_ENDPOINT: url });
    expect(run.line('answer')).toMatch(
      /JWTResourceServerBackend wants application\/token-introspection\+jwt, and the authorization server answered application\/json/,
    );
    expect(run.code).toBe(1);
  });

  it('another key than the registered one: both kids', async () => {
    const run = await check({ ...jwt, OIDC_RS_PRIVATE_KEY_STR: otherKeys.pem });
    expect(run.line('answer')).toMatch(
      /^✗ answer +The answer is encrypted to .*, and ours is \S{43}\. → Give the authorization server this API's public key/,
    );
    expect(run.code).toBe(1);
  });

  it.each([
    [
      'OIDC_RS_SIGNING_ALGO',
      'RS256',
      /^✗ answer +The answer is signed by ES256, and OIDC_RS_SIGNING_ALGO is RS256\. → Set OIDC_RS_SIGNING_ALGO=ES256/,
    ],
    [
      'OIDC_RS_ENCRYPTION_ENCODING',
      'A128GCM',
      /^✗ answer +The answer is encrypted by A256GCM, and OIDC_RS_ENCRYPTION_ENCODING is A128GCM/,
    ],
    [
      'OIDC_RS_ENCRYPTION_ALGO',
      'RSA-OAEP-256',
      /^✗ answer +The answer is encrypted by RSA-OAEP, and OIDC_RS_ENCRYPTION_ALGO is RSA-OAEP-256/,
    ],
  ])('%s=%s', async (name, value, words) => {
    const run = await check({ ...jwt, [name]: value });
    expect(run.line('answer')).toMatch(words);
    expect(run.code).toBe(1);
  });

  it('no key for the signing algorithm', async () => {
    const run = await check({ ...jwt, OIDC_RS_SIGNING_ALGO: 'ES512' });
    expect(run.line('signing keys')).toMatch(
      /has no key for OIDC_RS_SIGNING_ALGO=ES512; its keys are good for RS256, .*ES256/,
    );
    expect(run.line('discovery')).toMatch(
      /! discovery +OIDC_RS_SIGNING_ALGO is ES512, and the authorization server's metadata/,
    );
  });

  it('a list that is mis-typed, and everything else that is wrong with the settings', async () => {
    const run = await check({
      ...json,
      OIDC_RS_SCOPES: "['groups'",
      OIDC_RS_SCOPE: 'groups',
      OIDC_TIMEOUT: '5s',
    });
    expect(run.line('settings')).toMatch(/OIDC_RS_SCOPES has malformed brackets/);
    expect(run.line('settings')).toMatch(/OIDC_RS_SCOPE is not a setting; the nearest one is OIDC_RS_SCOPES/);
    expect(run.line('settings')).toMatch(/OIDC_TIMEOUT must be/);
    expect(run.line('discovery')).toMatch(/^✓/);
    expect(run.code).toBe(1);
  });

  it('no settings at all', async () => {
    const run = await check({});
    expect(run.line('settings')).toMatch(/OIDC_OP_URL is missing/);
    expect(run.code).toBe(1);
  });

  it('the clock is off', async () => {
    const url = await listen((request, response) => {
      response.setHeader('date', new Date(Date.now() + 30_000).toUTCString());
      response.setHeader('content-type', 'application/json');
      response.statusCode = request.method === 'POST' ? 200 : 404;
      response.end('{"active":false}');
    });
    const run = await check({ ...json, OIDC_OP_URL: url, OIDC_OP_INTROSPECTION_ENDPOINT: url });
    expect(run.line('clock')).toMatch(
      /^! clock +This machine's clock is (29|30|31) s behind .*OIDC_RS_CLOCK_TOLERANCE is 5 s\. → Set both clocks by NTP/,
    );
  });

  it('the server is down', async () => {
    const run = await check({ ...json, OIDC_OP_URL: 'http://127.0.0.1:9' });
    expect(run.line('discovery')).toMatch(
      /^✗ discovery +http:\/\/127\.0\.0\.1:9\/\S+: .*Nothing listens there.* → Start the authorization server/,
    );
    expect(run.code).toBe(1);
  });

  it('a certificate that nobody vouches for', async () => {
    const { ca, good } = await testCertificates();
    const secure = createSecureServer(good, (request, response) => {
      const body =
        request.method === 'POST'
          ? { active: false }
          : { issuer: url, introspection_endpoint: `${url}/introspect` };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
    servers.push(secure);
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${String((secure.address() as AddressInfo).port)}`;
    const run = await check({ ...json, OIDC_OP_URL: url });
    expect(run.line('discovery')).toMatch(
      /No trusted TLS connection could be made: for an authority of your own set OIDC_CA/,
    );
    expect(run.code).toBe(1);
    const trusted = await check({ ...json, OIDC_OP_URL: url, OIDC_CA: ca });
    expect(trusted.line('endpoints')).toContain('is reached over TLS');
    expect(trusted.code).toBe(0);
  });

  it('a file that is not there ends with 2', async () => {
    expect(await check({}, '--env-file', '/no/such.env')).toMatchObject({
      code: 2,
      out: '',
      err: '--env-file: /no/such.env cannot be read (ENOENT).\n',
    });
  });
});

describe('what is published, and the users', () => {
  it('our /jwks has our key, or another, or a private one (P1)', async () => {
    const publish = (jwks: object) => listen((_, response) => response.end(JSON.stringify(jwks)));
    const mine = await check(
      { ...jwt, OIDC_RS_PRIVATE_KEY_STR: otherKeys.pem },
      '--jwks-url',
      await publish(keys.jwks),
    );
    expect(mine.line('published keys')).toMatch(/^✗ .*and ours is \S{43}\. → Restart the API/);
    const kid = /ours is (\S{43})/.exec(mine.line('published keys'))?.[1];
    const good = await check(
      { ...jwt, OIDC_RS_PRIVATE_KEY_STR: otherKeys.pem },
      '--jwks-url',
      await publish({ keys: [{ kid }] }),
    );
    expect(good.line('published keys')).toBe(
      `✓ published keys  ${/http\S+/.exec(good.line('published keys'))?.[0] ?? ''} publishes our key ${kid ?? ''}.`,
    );
    const leak = await check(jwt, '--jwks-url', await publish({ keys: [{ d: 'hunter2' }] }));
    expect(leak.line('published keys')).toMatch(/publishes a private key\. → Take it down/);
    const gone = await check(jwt, '--jwks-url', 'http://127.0.0.1:9/jwks');
    expect(gone.line('published keys')).toMatch(/^✗ .*Nothing listens there/);
  });

  it('the users have a table, or none, or no database', async () => {
    const file = join(folder, 'users.sqlite');
    const missing = await check(json, '--database', file);
    expect(missing.line('users')).toMatch(/^✗ .*there is no file/);
    const database = await openUserDatabase(file, { create: true });
    const empty = await check(json, '--database', file);
    expect(empty.line('users')).toMatch(/^✗ .*table "users" is missing .* → Create it/);
    await database.migrate();
    await database.close();
    const good = await check(json, '--database', file);
    expect(good.line('users')).toBe('✓ users           The database is reached and has a table of users.');
    const down = await check(json, '--database', 'postgres://somebody:hunter2@127.0.0.1:9/users');
    expect(down.line('users')).toMatch(/^✗ users +The database cannot be asked: .*ECONNREFUSED/);
    expect(down.code).toBe(1);
  });
});
