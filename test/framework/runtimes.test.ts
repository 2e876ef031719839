import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { type RawAnswer, rawRequest } from '../support/raw-http.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const APPLICATION = 'test/framework/runtimes-application.ts';
const CONDITIONS = '--conditions=oidc-resource-server-source';
interface Runtime {
  readonly binary: string | undefined;
  readonly args: readonly string[];
  /** How the authorization server is asked. Bun puts an `undici` of its own in the place of the package. */
  readonly adapters: readonly string[];
}
const RUNTIMES: Record<string, Runtime> = {
  'Bun.serve': { binary: process.env.BUN_BINARY, args: [CONDITIONS], adapters: ['FetchHttpAdapter'] },
  'Deno.serve': {
    binary: process.env.DENO_BINARY,
    args: ['run', '--allow-all', '--no-lock', '--node-modules-dir=manual', CONDITIONS],
    adapters: ['UndiciHttpAdapter', 'FetchHttpAdapter'],
  },
};
if (process.env.CI !== undefined && Object.values(RUNTIMES).some(({ binary }) => binary === undefined)) {
  throw new Error('CI has to name Bun and Deno: set BUN_BINARY and DENO_BINARY.');
}

let server: TestAuthorizationServer;
let alice: string;
let withoutScope: string;

beforeAll(async () => {
  server = await startAuthorizationServer();
  alice = await server.tokenFor('alice', { scopes: ['groups'] });
  withoutScope = await server.tokenFor('alice', { scopes: ['openid'] });
});
afterAll(() => server.stop());

/** Starts the application in a process of its own and resolves with its origin once it listens. */
async function start(
  { binary = '', args }: Runtime,
  env: Record<string, string>,
): Promise<{ origin: string; stop(): Promise<void> }> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(binary, [...args, APPLICATION], { cwd: ROOT, env: { PATH, HOME, ...env } });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const deadline = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const stop = async (): Promise<void> => {
    clearTimeout(deadline);
    child.kill('SIGKILL');
    await exited;
  };
  for await (const line of createInterface(child.stdout)) {
    const port = /^Listening on http:\/\/localhost:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) {
      clearTimeout(deadline);
      return { origin: `http://127.0.0.1:${port}`, stop };
    }
  }
  await stop();
  throw new Error(`${APPLICATION} does not listen: ${said}`);
}

describe.each(Object.entries(RUNTIMES))('%s', (_name, runtime) => {
  // Without a binary of the runtime there is nothing to run; CI insists on both, see above.
  describe.runIf(runtime.binary !== undefined).each(runtime.adapters)('asking with %s', (adapter) => {
    let application: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      const settings = server.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
      application = await start(runtime, { ...settings, ADAPTER: adapter });
    });
    afterAll(() => application.stop());

    const ask = (requestLine: string, ...headers: string[]): Promise<RawAnswer> =>
      rawRequest(application.origin, requestLine, headers);
    const bearer = (token: string): string => `Authorization: Bearer ${token}`;

    it('lets in, with an answer that is private', async () => {
      const answer = await ask('GET /me', bearer(alice));
      expect([answer.status, answer.body]).toEqual([200, '{"subject":"alice"}']);
      expect(answer.headers.get('cache-control')).toEqual(['private']);
    });

    it('makes an answer private whose headers cannot be changed', async () => {
      const answer = await ask('GET /away', bearer(alice));
      expect([answer.status, answer.headers.get('location')]).toEqual([
        302,
        ['https://elsewhere.example.com/'],
      ]);
      expect(answer.headers.get('cache-control')).toEqual(['private']);
    });

    it('challenges a request without credentials (R1)', async () => {
      const answer = await ask('GET /me');
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toEqual(['Bearer realm="api"']);
      expect(answer.headers.get('cache-control')).toEqual(['no-store']);
      expect(JSON.parse(answer.body)).toMatchObject({ status: 401, error: 'unauthenticated' });
      const head = await ask('HEAD /me');
      expect([head.status, head.body]).toEqual([401, '']);
    });

    it('refuses a made-up token, and one without the scope', async () => {
      expect((await ask('GET /me', bearer('made-up'))).status).toBe(401);
      expect((await ask('GET /me', bearer(withoutScope))).status).toBe(403);
    });

    it('refuses two Authorization headers (R2)', async () => {
      for (const other of [bearer('made-up'), 'Authorization: Basic YTpi', 'Authorization: DPoP made-up']) {
        expect((await ask('GET /me', other, bearer(alice))).status, other).toBe(400);
        expect((await ask('GET /me', bearer(alice), other)).status, other).toBe(400);
      }
    });

    it('refuses a token in the query (R4)', async () => {
      expect((await ask(`GET /me?access_token=${alice}`)).status).toBe(400);
    });

    it('answers a preflight itself (R7)', async () => {
      const preflight = ['Origin: https://app.example.com', 'Access-Control-Request-Method: GET'];
      const answer = await ask('OPTIONS /me', ...preflight);
      expect([answer.status, answer.body]).toEqual([204, '']);
    });

    it('publishes its JWK Set (P3)', async () => {
      const answer = await ask('GET /jwks');
      expect([answer.status, answer.body]).toEqual([200, '{"keys":[]}']);
      const etag = answer.headers.get('etag')?.[0] ?? '';
      expect((await ask('GET /jwks', `If-None-Match: ${etag}`)).status).toBe(304);
    });
  });
});
