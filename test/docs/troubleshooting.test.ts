import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, describe, expect, it } from 'vitest';
import { openUserDatabase } from '../../src/cli/user-database.ts';
import { ConfigurationError } from '../../src/errors.ts';
import { createResourceServer } from '../../src/resource-server.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import { MemoryUserStore } from '../../src/user/memory-user-store.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { startAuthorizationServer } from '../support/authorization-server.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { oidcRs } from '../support/terminal.ts';
import { pageAt, ROOT } from './pages.ts';

const PAGE = pageAt('docs/guides/troubleshooting.md');
const ISSUER = 'https://auth.example.com';

const folder = mkdtempSync(join(tmpdir(), 'troubleshooting-'));
const keys = newApiKeys();
const server = await startAuthorizationServer({ encryptionJwks: keys.jwks });
const others: Server[] = [];
afterAll(async () => {
  for (const other of others) other.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

const json = server.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot' });
const jwt = server.settingsFor('jwt', {
  OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot',
  OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
  OIDC_RS_PRIVATE_KEY_STR: keys.pem,
});
const byUrlAlone = (settings: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !/^OIDC_OP_.*_ENDPOINT$/.test(name)));
const alice = await server.tokensFor('alice', { scopes: ['openid', 'offline_access'] });

/** A state in which something is wrong. */
interface Symptom {
  readonly env: Record<string, string>;
  /** Alice's, if nothing else is said. */
  readonly token?: string;
  readonly rawHeaders?: string[];
  readonly database?: string;
  readonly args?: string[];
}

const SYMPTOMS: Record<string, () => Symptom | Promise<Symptom>> = {
  list: () => ({ env: { ...json, OIDC_RS_SCOPES: "['groups'", OIDC_RS_AUDIENCE: 'spa' } }),
  secret: () => ({ env: { ...json, OIDC_RS_CLIENT_SECRET: 'something-else' } }),
  down: () => ({ env: { ...byUrlAlone(json), OIDC_OP_URL: 'http://127.0.0.1:9' } }),
  tls: async () => ({ env: { ...byUrlAlone(json), OIDC_OP_URL: await startUntrusted() } }),
  endpoint: () => ({ env: { ...json, OIDC_OP_INTROSPECTION_ENDPOINT: `${server.url}/introspect` } }),
  'jwt-of-json': () => ({
    env: {
      ...json,
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
    },
  }),
  'json-of-jwt': () => ({ env: { ...jwt, OIDC_RS_BACKEND_CLASS: 'ResourceServerBackend' } }),
  key: () => ({ env: { ...jwt, OIDC_RS_PRIVATE_KEY_STR: newApiKeys().pem } }),
  algorithm: () => ({ env: { ...jwt, OIDC_RS_SIGNING_ALGO: 'RS256' } }),
  issuer: () => ({ env: { ...json, OIDC_OP_URL: `${server.url}/` } }),
  inactive: async () => {
    const token = await server.tokenFor('alice', { scopes: ['openid'] });
    await server.revoke(token);
    return { env: json, token };
  },
  clock: async () => ({ env: { ...json, OIDC_OP_INTROSPECTION_ENDPOINT: await startAhead() } }),
  audience: () => ({ env: { ...json, OIDC_RS_ALLOWED_AUDIENCES: 'web-app' } }),
  resource: () => ({ env: { ...json, OIDC_RS_RESOURCE: 'https://api.example.com' } }),
  'token-type': () => ({ env: json, token: alice.refreshToken ?? '' }),
  confirmation: async () => ({
    env: json,
    token: await server.tokenFor('alice', { scopes: ['openid'], dpopJkt: 'a'.repeat(43) }),
  }),
  client: async () => ({ env: json, token: await server.clientToken({ scopes: ['groups'] }) }),
  'unknown-user': async () => ({ env: json, database: await usersWith() }),
  'disabled-user': async () => ({ env: json, database: await usersWith(true) }),
  'essential-claims': () => ({
    env: { ...json, OIDC_RS_CREATE_USER: 'true', OIDC_USERINFO_ESSENTIAL_CLAIMS: 'birthdate' },
  }),
  scope: () => ({ env: { ...json, OIDC_RS_SCOPES: 'groups' } }),
  request: () => ({
    env: json,
    rawHeaders: ['Authorization', `Bearer ${alice.accessToken}`, 'Authorization', 'Basic cHJveHk6eA=='],
  }),
  'user-store': () => ({ env: json, database: 'postgres://127.0.0.1:9/users' }),
  off: () => ({ env: { ...json, OIDC_RESOURCE_SERVER_ENABLED: 'false' } }),
};

/** An authorization server whose certificate nobody vouches for. */
async function startUntrusted(): Promise<string> {
  const { good } = await testCertificates();
  return listen(
    createSecureServer(good, (_, response) => response.end('{}')),
    'https',
  );
}

/** An introspection endpoint whose clock is half a minute ahead. */
function startAhead(): Promise<string> {
  const now = Math.floor(Date.now() / 1000) + 30;
  const claims = {
    active: true,
    sub: 'alice',
    client_id: 'spa',
    token_type: 'Bearer',
    iat: now,
    exp: now + 600,
  };
  return listen(
    createServer((_, response) => {
      response.setHeader('date', new Date(now * 1000).toUTCString());
      response.setHeader('content-type', 'application/json').end(JSON.stringify(claims));
    }),
    'http',
  );
}

async function listen(other: Server, scheme: string): Promise<string> {
  others.push(other);
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  return `${scheme}://127.0.0.1:${String((other.address() as AddressInfo).port)}`;
}

async function usersWith(disabled = false): Promise<string> {
  const file = join(folder, `${String(disabled)}.sqlite`);
  const database = await openUserDatabase(file, { create: true });
  await database.migrate();
  if (disabled) {
    await database.store.create(server.url, 'alice', { claims: {} });
    new Database(file).exec('UPDATE users SET active = 0');
  }
  await database.close();
  return file;
}

/** What an API in that state answers, and what its log says. */
async function askApi({ env, token = alice.accessToken, rawHeaders, database }: Symptom) {
  const logger = new RecordingLogger();
  const users = database === undefined ? undefined : await openUserDatabase(database, {});
  const userStore = users?.store ?? new MemoryUserStore();
  const resourceServer = await createResourceServer({ env, userStore, logger } as never);
  try {
    await resourceServer.authenticate({
      method: 'GET',
      url: '/',
      rawHeaders: rawHeaders ?? ['Authorization', `Bearer ${token}`],
    });
    throw new Error('The API let it in.');
  } catch (error) {
    const { status, body } = resourceServer.challenge(error);
    return { status, error: (JSON.parse(body) as { error?: string }).error, log: logger.records };
  } finally {
    await resourceServer.close();
    await users?.close();
  }
}

/** The lines of a command that are not good news, without what differs from run to run. */
async function askCommand(command: string, { env, token, database, args = [] }: Symptom): Promise<string> {
  const flags = database === undefined ? args : [...args, '--database', database];
  const { out } = await oidcRs([command, ...flags], { env, input: token ?? alice.accessToken });
  const findings = out
    .split(/\n\n/)
    .slice(0, 1)
    .join('')
    .split(/\n(?=\s*[✓✗!–] )/)
    .filter((finding) => /^\s*[✗!]/.test(finding));
  return findings
    .join('\n')
    .replaceAll(server.url, ISSUER)
    .replace(/https?:\/\/127\.0\.0\.1:\d+/g, ISSUER)
    .replace(/kid `[\w-]{20,}`|\b[\w-]{43}\b/g, 'NzbLsXh8…')
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '2026-01-01T12:00:30Z')
    .replace(/\b(29|30|31) s\b/g, '30 s')
    .replace(/\b6[23]\d s\b/g, '630 s')
    .replaceAll(folder, '/srv');
}

const sections = PAGE.text.split(/^## /m).flatMap((text) => {
  const id = /<!-- symptom: ([\w-]+) -->/.exec(text)?.[1];
  return id === undefined ? [] : [{ id, text }];
});

describe('each symptom of the guide', () => {
  it('is brought about here, and each that is brought about here is in the guide', () => {
    expect(sections.map(({ id }) => id).sort()).toEqual(Object.keys(SYMPTOMS).sort());
  });

  it.each(sections)('$id: the API answers and logs what the guide says', async ({ id, text }) => {
    const symptom = (await SYMPTOMS[id]?.()) as Symptom;
    if (text.includes('The API does not start')) {
      await expect(askApi(symptom)).rejects.toBeInstanceOf(ConfigurationError);
      return;
    }
    const [, status, error, event, field, value] =
      /\*\*(\d+)\*\*\s`(\w+)`(?:,\sand\sits\slog\shas\s`([\w.]+)`(?:\swith\s`(\w+):\s(\w+)`)?)?/.exec(text) ??
      [];
    const answer = await askApi(symptom);
    expect(answer).toMatchObject({ status: Number(status), error });
    const events = answer.log.filter(({ level }) => level !== 'debug').map(({ fields }) => fields);
    const found = events.filter((fields) => fields.event === event);
    expect(found).not.toEqual([]);
    if (field !== undefined) expect(found.map((fields) => String(fields[field]))).toContain(value);
  });

  // `npx vitest run test/docs/troubleshooting.test.ts -u` copies what the commands say into the guide.
  it('has what the command says', async () => {
    let page = PAGE.text;
    for (const [whole, id = '', before = ''] of PAGE.text.matchAll(
      /<!-- symptom: ([\w-]+) -->\n((?:.*\n)*?)<!-- oidc-rs: \1 -->\n\n```text\n(?:(?!```).*\n)*```\n/g,
    )) {
      const command = /`oidc-rs (\w+)`/.exec(before)?.[1] ?? '';
      const said = await askCommand(command, (await SYMPTOMS[id]?.()) as Symptom);
      page = page.replace(
        whole,
        () => `<!-- symptom: ${id} -->\n${before}<!-- oidc-rs: ${id} -->\n\n\`\`\`text\n${said}\n\`\`\`\n`,
      );
    }
    await expect(page).toMatchFileSnapshot(ROOT + PAGE.path);
  });
});
