import { createServer } from 'node:http';
import { createTRPCClient, httpBatchLink, httpBatchStreamLink, httpLink } from '@trpc/client';
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import type {
  ClaimsUser,
  ClientAuthentication,
  ResourceServer,
  UserAuthentication,
} from 'oidc-resource-server';
import { authenticated, createContext } from 'oidc-resource-server/trpc';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { frameworkContract } from './framework-contract.ts';
import { contractRouter, startTrpc, startTrpcFetch, TRPC_WAYS } from './trpc-contract.ts';
import { close, listen } from './ws-contract.ts';

describe("tRPC's handler for node:http", () => {
  frameworkContract({ describe, it }, startTrpc, TRPC_WAYS);
});

describe("tRPC's handler for the Fetch API", () => {
  frameworkContract({ describe, it }, startTrpcFetch, TRPC_WAYS);
});

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

type Guarded = Pick<ResourceServer<ClaimsUser>, 'authenticate' | 'challenge'>;

/** A resource server that counts what it is asked, and a server of tRPC in front of it. */
async function start() {
  const resourceServer = await tokenTableResourceServer();
  cleanUp.push(() => resourceServer.close());
  const authenticate = vi.fn<(...asked: Parameters<Guarded['authenticate']>) => unknown>();
  const guarded: Guarded = {
    challenge: (error) => resourceServer.challenge(error),
    authenticate: (request, requirements) => {
      authenticate(request, requirements);
      return resourceServer.authenticate(request, requirements);
    },
  };
  const router = contractRouter(guarded);
  const server = createServer(createHTTPHandler({ router, createContext }));
  const url = `http://127.0.0.1:${String(await listen(server))}`;
  cleanUp.push(() => close(server));
  return { router, url, authenticate };
}
type Router = ReturnType<typeof contractRouter>;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a batch', () => {
  it('asks once for equal requirements, and once for each other', async () => {
    const { url, authenticate } = await start();
    const client = createTRPCClient<Router>({
      links: [httpBatchLink({ url, headers: bearer('alice-token') })],
    });
    const answers = await Promise.all([
      client.me.query(),
      client.again.query(),
      client.me.query(),
      client.all.query(),
      client.api.inside.query(),
      client.open.query(),
    ]);
    const alice = { subject: 'alice' };
    expect(answers).toEqual([alice, alice, alice, alice, alice, 'open']);
    expect(authenticate.mock.calls.map(([, requirements]) => requirements)).toEqual([
      { scopes: ['groups'] },
      undefined,
    ]);
  });

  it('shares nothing with the next request (R11)', async () => {
    const { url, authenticate } = await start();
    const ask = (who: string) =>
      createTRPCClient<Router>({
        links: [httpBatchLink({ url, headers: bearer(`${who}-token`) })],
      }).me.query();
    expect(await Promise.all([ask('alice'), ask('bob'), ask('alice')])).toEqual([
      { subject: 'alice' },
      { subject: 'bob' },
      { subject: 'alice' },
    ]);
    expect(authenticate).toHaveBeenCalledTimes(3);
  });

  it('answers 207 where calls differ: each is refused or answered for itself', async () => {
    const { url } = await start();
    const answer = await rawRequest(url, 'GET /open,me,optional,all?batch=1', [
      'Authorization: Bearer no-scope-token',
    ]);
    expect(answer.status).toBe(207);
    expect(answer.headers.get('www-authenticate')?.[0]).toContain('error="insufficient_scope"');
    expect(answer.headers.get('cache-control')).toEqual(['no-store']);
    expect(JSON.parse(answer.body)).toMatchObject([
      { result: { data: 'open' } },
      { error: { message: 'insufficient_scope', data: { code: 'FORBIDDEN', path: 'me' } } },
      { result: { data: { subject: 'alice' } } },
      { result: { data: { subject: 'alice' } } },
    ]);
  });

  it('answers with the one status where all calls are refused alike', async () => {
    const { url, authenticate } = await start();
    const answer = await rawRequest(url, 'GET /me,again?batch=1');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toEqual(['Bearer realm="api"']);
    expect(JSON.parse(answer.body)).toMatchObject([
      { error: { message: 'unauthenticated', data: { path: 'me' } } },
      { error: { message: 'unauthenticated', data: { path: 'again' } } },
    ]);
    expect(authenticate).toHaveBeenCalledOnce();
  });

  it('that streams has sent 200 before; it refuses all the same', async () => {
    const { url } = await start();
    const client = createTRPCClient<Router>({ links: [httpBatchStreamLink({ url })] });
    const [open, me] = await Promise.allSettled([client.open.query(), client.me.query()]);
    expect(open).toMatchObject({ status: 'fulfilled', value: 'open' });
    expect(me).toMatchObject({ status: 'rejected', reason: { message: 'unauthenticated' } });
  });
});

describe('a refusal', () => {
  it.each([
    ['', 'UNAUTHORIZED', 'unauthenticated', 401],
    ['dead-token', 'UNAUTHORIZED', 'invalid_token', 401],
    ['no-scope-token', 'FORBIDDEN', 'insufficient_scope', 403],
    ['two tokens', 'BAD_REQUEST', 'invalid_request', 400],
    ['down-token', 'SERVICE_UNAVAILABLE', 'temporarily_unavailable', 503],
    ['bug-token', 'INTERNAL_SERVER_ERROR', 'server_error', 500],
  ])('of "%s" says %s, and nothing else (E4, E6)', async (token, code, message, httpStatus) => {
    const { url } = await start();
    const headers = token === '' ? [] : [`Authorization: Bearer ${token}`];
    const { body } = await rawRequest(url, 'GET /me', headers);
    const { error } = JSON.parse(body) as { error: object };
    // Outside production, tRPC adds the stack.
    const data = { code, httpStatus, path: 'me', stack: `TRPCError: ${message}` };
    expect(error).toEqual({ message, code: expect.any(Number) as number, data });
  });

  it('has no cause', async () => {
    const resourceServer = await tokenTableResourceServer();
    cleanUp.push(() => resourceServer.close());
    const caller = contractRouter(resourceServer).createCaller(
      createContext({
        req: new Request('http://a/', { headers: bearer('bug-token') }),
        resHeaders: new Headers(),
      }),
    );
    const error: unknown = await caller.me().catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(TRPCError);
    expect((error as TRPCError).cause).toBeUndefined();
  });

  it('is the same where the headers have been sent, and no header is set', async () => {
    const resourceServer = await tokenTableResourceServer();
    cleanUp.push(() => resourceServer.close());
    const setHeader = vi.fn();
    const context = createContext({
      req: { method: 'GET', url: '/me', rawHeaders: [] },
      res: { headersSent: true, setHeader },
    });
    await expect(context.authenticate(resourceServer)).rejects.toMatchObject({ message: 'unauthenticated' });
    expect(setHeader).not.toHaveBeenCalled();
  });

  it('keeps a subscription from starting', async () => {
    const { url } = await start();
    const first = async (token: string): Promise<[number, string | null, string]> => {
      const headers = token === '' ? {} : bearer(token);
      const response = await fetch(`${url}/ticks`, { headers });
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        if (text.includes('"')) break;
      }
      return [response.status, response.headers.get('www-authenticate'), text];
    };
    const [status, challenge, refused] = await first('');
    // The stream has begun: the status is 200, and the refusal is an event.
    expect([status, challenge]).toEqual([200, 'Bearer realm="api"']);
    expect(refused).toContain('event: serialized-error');
    expect(refused).toContain('unauthenticated');
    expect((await first('alice-token'))[2]).toContain('data: "alice"');
  });

  it('reaches the client as its own error', async () => {
    const { url } = await start();
    const client = createTRPCClient<Router>({ links: [httpLink({ url })] });
    await expect(client.me.query()).rejects.toMatchObject({
      message: 'unauthenticated',
      data: { code: 'UNAUTHORIZED', httpStatus: 401 },
    });
  });
});

describe('over a WebSocket', () => {
  it('each call is asked about anew, with the token of the handshake', async () => {
    const { router, authenticate } = await start();
    const server = createServer();
    const wss = new WebSocketServer({ server });
    applyWSSHandler({ wss, router, createContext });
    const port = await listen(server);
    cleanUp.push(() => close(server));
    const socket = new WebSocket(`ws://127.0.0.1:${String(port)}`, { headers: bearer('alice-token') });
    cleanUp.push(() => {
      socket.terminate();
      return Promise.resolve();
    });
    await new Promise((resolve) => socket.once('open', resolve));
    const call = (id: number, path: string): Promise<unknown> => {
      socket.send(JSON.stringify({ id, method: 'query', params: { path } }));
      return new Promise((resolve) =>
        socket.once('message', (data: Buffer) => {
          resolve(JSON.parse(data.toString()));
        }),
      );
    };
    expect(await call(1, 'me')).toMatchObject({ id: 1, result: { data: { subject: 'alice' } } });
    expect(await call(2, 'me')).toMatchObject({ id: 2, result: { data: { subject: 'alice' } } });
    expect(authenticate).toHaveBeenCalledTimes(2);
  });
});

describe('types', () => {
  interface Team {
    readonly id: number;
  }
  it('what the procedure requires decides the type of ctx.auth', () => {
    const types = (teams: ResourceServer<Team>): void => {
      const t = initTRPC
        .context<
          (options: Parameters<typeof createContext>[0]) => ReturnType<typeof createContext> & { db: Date }
        >()
        .create();
      t.procedure.use(authenticated(teams)).query(({ ctx }) => {
        expectTypeOf(ctx.auth).toEqualTypeOf<UserAuthentication<Team>>();
        expectTypeOf(ctx.db).toEqualTypeOf<Date>();
      });
      t.procedure.use(authenticated(teams, { optional: true })).query(({ ctx }) => {
        expectTypeOf(ctx.auth).toEqualTypeOf<UserAuthentication<Team> | undefined>();
      });
      t.procedure.use(authenticated(teams, { clients: true })).query(({ ctx }) => {
        expectTypeOf(ctx.auth).toEqualTypeOf<UserAuthentication<Team> | ClientAuthentication>();
      });
      t.procedure.query(async ({ ctx }) => {
        // @ts-expect-error -- nobody has been asked for
        expectTypeOf(ctx.auth).toBeObject();
        expectTypeOf(await ctx.authenticate(teams, { scopes: ['a'] })).toEqualTypeOf<
          UserAuthentication<Team>
        >();
      });
      // @ts-expect-error -- without its context there is nothing to ask
      initTRPC.create().procedure.use(authenticated(teams));
      // @ts-expect-error -- a scope list is no string
      authenticated(teams, { scopes: 'groups' });
    };
    expectTypeOf(types).toBeFunction();
  });
});
