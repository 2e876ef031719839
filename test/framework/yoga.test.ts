import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { authenticationContext } from 'oidc-resource-server/graphql';
import { authenticate as guard } from 'oidc-resource-server/node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { frameworkContract, type OwnWays } from './framework-contract.ts';
import { GRAPHQL_WAYS, resolvers, startYoga, startYogaFetch, typeDefs } from './graphql-contract.ts';
import { close, listen } from './ws-contract.ts';

// As Node resolves it. Vite takes the other build of the package, whose errors the servers do not know as theirs.
vi.mock('graphql', (): object => createRequire(import.meta.url)('graphql') as object);

// Yoga answers other methods than GET and POST by 405, and a POST of a form by 400, before there is a context.
const YOGA_WAYS: OwnWays = { ...GRAPHQL_WAYS, without: [...(GRAPHQL_WAYS.without ?? []), 'methods'] };

describe('GraphQL Yoga on node:http', () => {
  frameworkContract({ describe, it }, startYoga, YOGA_WAYS);
});

describe('GraphQL Yoga on the Fetch API', () => {
  frameworkContract({ describe, it }, startYogaFetch, YOGA_WAYS);
});

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

async function start() {
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
  const yoga = createYoga({
    schema: createSchema<Awaited<ReturnType<typeof context>>>({ typeDefs, resolvers }),
    context,
    batching: true,
    logging: false,
    // As in development, where Yoga shows the errors behind the errors.
    maskedErrors: { isDev: true },
  });
  const post = async (body: unknown, token?: string): Promise<Response> =>
    yoga.fetch('http://api.example.com/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
  return { resourceServer, yoga, post, authenticate };
}
const query = '{subject}';

describe('a refusal', () => {
  it('says nothing else, also in development (R9)', async () => {
    const { post } = await start();
    const answer = await post({ query }, 'bug-token');
    expect(answer.status).toBe(500);
    // Yoga's own type: that of a problem body is not added.
    expect(answer.headers.get('content-type')).toMatch(/^application\/[a-z-]+(\+json)?; charset=utf-8$/);
    expect(await answer.json()).toEqual({
      errors: [{ message: 'Internal Server Error', extensions: { code: 'server_error' } }],
    });
  });

  it('of a batch has the status 200, which is Yoga’s: each operation is refused', async () => {
    const { post, authenticate } = await start();
    const answer = await post([{ query }, { query: '{client}' }], 'dead-token');
    const refused = { errors: [{ message: 'Unauthorized', extensions: { code: 'invalid_token' } }] };
    expect([answer.status, await answer.json()]).toEqual([200, [refused, refused]]);
    expect(authenticate).toHaveBeenCalledOnce();
  });

  it('comes after parsing and validation, which are Yoga’s; a guard in front comes before', async () => {
    const { post, yoga, resourceServer, authenticate } = await start();
    const stranger = await post({ query: '{subjekt}' });
    expect(await stranger.text()).toContain('Cannot query field');
    expect(authenticate).not.toHaveBeenCalled();
    const member = guard(resourceServer, { scopes: ['groups'] });
    const server = createServer((request, response) => {
      member(request, response, () => yoga(request, response));
    });
    const url = `http://127.0.0.1:${String(await listen(server))}/graphql?query={subjekt}`;
    cleanUp.push(() => close(server));
    expect((await fetch(url)).status).toBe(401);
    const known = await fetch(url, { headers: { authorization: 'Bearer alice-token' } });
    expect(await known.text()).toContain('Cannot query field');
  });
});

describe('a batch', () => {
  it('asks once, and the next request again (R11)', async () => {
    const { post, authenticate } = await start();
    const batch = [{ query }, { query }, { query: '{client}' }];
    const answers = [
      { data: { subject: 'alice' } },
      { data: { subject: 'alice' } },
      { data: { client: null } },
    ];
    expect(await (await post(batch, 'alice-token')).json()).toEqual(answers);
    expect(authenticate).toHaveBeenCalledOnce();
    expect(await (await post({ query }, 'bob-token')).json()).toEqual({ data: { subject: 'bob' } });
    expect(authenticate).toHaveBeenCalledTimes(2);
  });
});
