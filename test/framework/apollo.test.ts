import { createRequire } from 'node:module';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { authenticationContext } from 'oidc-resource-server/graphql';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { frameworkContract } from './framework-contract.ts';
import { GRAPHQL_WAYS, resolvers, startApollo, typeDefs } from './graphql-contract.ts';

// As Node resolves it. Vite takes the other build of the package, whose errors the servers do not know as theirs.
vi.mock('graphql', (): object => createRequire(import.meta.url)('graphql') as object);

describe('Apollo Server', () => {
  frameworkContract({ describe, it }, startApollo, GRAPHQL_WAYS);
});

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

interface Refused {
  readonly errors: { readonly message: string; readonly extensions: Readonly<Record<string, unknown>> }[];
}

describe('its standalone server', () => {
  async function start(options: object = {}) {
    const resourceServer = await tokenTableResourceServer();
    cleanUp.push(() => resourceServer.close());
    const authenticate = vi.fn();
    const guarded: Pick<ResourceServer<ClaimsUser>, 'authenticate' | 'challenge'> = {
      challenge: (error) => resourceServer.challenge(error),
      authenticate: (request, requirements) => {
        authenticate();
        return resourceServer.authenticate(request, requirements);
      },
    };
    const context = authenticationContext(guarded, { scopes: ['groups'] });
    const apollo = new ApolloServer<Awaited<ReturnType<typeof context>>>({ typeDefs, resolvers, ...options });
    const { url } = await startStandaloneServer(apollo, {
      context,
      listen: { port: 0, host: '127.0.0.1' },
    });
    cleanUp.push(() => apollo.stop());
    const post = (body: unknown, token?: string): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
      });
    return { url, post, authenticate };
  }
  const query = '{subject}';

  it('takes the context function as it is', async () => {
    const { post } = await start();
    const answer = await post({ query }, 'alice-token');
    expect([answer.status, await answer.json()]).toEqual([200, { data: { subject: 'alice' } }]);
  });

  it.each([true, false])('sends the refusal and no stack, in development: %s (E6)', async (development) => {
    const { post } = await start({ includeStacktraceInErrorResponses: development });
    const answer = await post({ query }, 'bug-token');
    expect(answer.status).toBe(500);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toMatch(/^application\/(json|graphql-response\+json)/);
    const { errors } = (await answer.json()) as Refused;
    expect(errors).toEqual([
      {
        message: 'Internal Server Error',
        extensions: {
          code: 'server_error',
          ...(development && { stacktrace: ['GraphQLError: Internal Server Error'] }),
        },
      },
    ]);
  });

  it('asks before it parses: a stranger learns nothing of the schema (R10)', async () => {
    const { post } = await start();
    const answer = await post({ query: '{subjekt}' });
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('subject');
  });

  it('refuses a whole batch, and asks once for one that it answers', async () => {
    const { post, authenticate } = await start({ allowBatchedHttpRequests: true });
    const refused = await post([{ query }, { query }], 'dead-token');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(((await refused.json()) as Refused).errors).toHaveLength(1);
    authenticate.mockClear();
    const answer = await post([{ query }, { query: '{client}' }], 'alice-token');
    expect(await answer.json()).toEqual([{ data: { subject: 'alice' } }, { data: { client: null } }]);
    expect(authenticate).toHaveBeenCalledOnce();
  });

  it('prevents CSRF before it asks', async () => {
    const { url, authenticate } = await start();
    const answer = await fetch(`${url}?query=${query}`, { headers: { authorization: 'Bearer alice-token' } });
    expect(answer.status).toBe(400);
    expect(authenticate).not.toHaveBeenCalled();
  });
});
