import { createRequire } from 'node:module';
import { GraphQLError } from 'graphql';
import type { ClientAuthentication, ResourceServer, UserAuthentication } from 'oidc-resource-server';
import { authenticationContext, requireScopes } from 'oidc-resource-server/graphql';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { tokenTableResourceServer } from '../support/token-table.ts';

// As Node resolves it. Vite takes the other build of the package, whose errors the servers do not know as theirs.
vi.mock('graphql', (): object => createRequire(import.meta.url)('graphql') as object);

async function thrownBy(run: () => unknown): Promise<GraphQLError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof GraphQLError) return error;
  }
  throw new Error('no GraphQLError');
}

const TOKEN = ['Authorization', 'Bearer alice-token'];
const node = (rawHeaders: string[]) => ({ method: 'POST', url: '/graphql', rawHeaders });
const fetched = (token?: string): Request =>
  new Request('http://a/graphql', {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

describe('a context', () => {
  it('prefers the request of node:http, where a header that was sent twice is there twice (R2)', async () => {
    const context = authenticationContext(await tokenTableResourceServer());
    const twice = [...TOKEN, 'Authorization', 'Bearer bob-token'];
    const error = await thrownBy(() => context({ request: fetched('alice-token'), req: node(twice) }));
    expect(error.extensions.code).toBe('invalid_request');
    expect((await context({ request: fetched(), req: node(TOKEN) })).auth.user.subject).toBe('alice');
  });

  it('takes the Fetch request where `req` is the request of another framework', async () => {
    const context = authenticationContext(await tokenTableResourceServer());
    expect((await context({ request: fetched('bob-token'), req: { raw: {} } })).auth.user.subject).toBe(
      'bob',
    );
  });

  it('refuses with 500 where the server hands over something else (R9)', async () => {
    const context = authenticationContext(await tokenTableResourceServer(), { optional: true });
    for (const argument of [{}, { req: {} }, { req: null, request: undefined }]) {
      const error = await thrownBy(() => context(argument as never));
      expect(error.extensions).toMatchObject({ code: 'server_error', http: { status: 500 } });
    }
  });

  it('is made anew for each operation on the upgrade request of a WebSocket', async () => {
    const resourceServer = await tokenTableResourceServer();
    const authenticate = vi.fn(() => resourceServer.authenticate(node(TOKEN)));
    const context = authenticationContext({
      // As typed by no requirements.
      authenticate: authenticate,
      challenge: (error) => resourceServer.challenge(error),
    });
    const upgrade = node(TOKEN);
    await context({ req: upgrade });
    await context({ req: upgrade });
    expect(authenticate).toHaveBeenCalledTimes(2);
  });
});

describe('requireScopes', () => {
  const auth = { scopes: ['openid', 'groups'], user: 'alice' };

  it('returns who makes the request', () => {
    expect(requireScopes(auth, ['groups'])).toBe(auth);
    expect(requireScopes(auth, [])).toBe(auth);
  });

  it('asks for all of the scopes, exactly (I7, I8)', async () => {
    for (const scopes of [['groups', 'admin'], ['group'], ['Groups'], ['openid groups']]) {
      const error = await thrownBy(() => requireScopes(auth, scopes));
      expect(error.toJSON()).toEqual({
        message: 'Forbidden',
        extensions: { code: 'insufficient_scope', scopes },
      });
    }
  });

  it('refuses nobody by name, whatever is asked (R10)', async () => {
    for (const scopes of [[], ['groups']]) {
      const error = await thrownBy(() => requireScopes(undefined, scopes));
      expect(error.toJSON()).toEqual({ message: 'Unauthorized', extensions: { code: 'unauthenticated' } });
      expect(error.stack).toBe('GraphQLError: Unauthorized');
    }
  });
});

describe('types', () => {
  interface Team {
    readonly id: number;
  }
  it('what the context requires decides the type of auth', () => {
    const types = async (teams: ResourceServer<Team>, req: ReturnType<typeof node>): Promise<void> => {
      const member = await authenticationContext(teams, { scopes: ['a'] })({ req });
      expectTypeOf(member).toEqualTypeOf<{ auth: UserAuthentication<Team> }>();
      const visitor = await authenticationContext(teams, { optional: true })({ req });
      expectTypeOf(visitor.auth).toEqualTypeOf<UserAuthentication<Team> | undefined>();
      expectTypeOf(requireScopes(visitor.auth, ['a'])).toEqualTypeOf<UserAuthentication<Team>>();
      const caller = await authenticationContext(teams, { clients: true })({ req });
      expectTypeOf(caller.auth).toEqualTypeOf<UserAuthentication<Team> | ClientAuthentication>();
      // @ts-expect-error -- a scope list is no string
      authenticationContext(teams, { scopes: 'groups' });
    };
    expectTypeOf(types).toBeFunction();
  });
});
