import { UseGuards } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import {
  Public,
  ResourceServerException,
  ResourceServerGuard,
  ResourceServerModule,
} from 'oidc-resource-server/nest';
import { describe, expect, it, vi } from 'vitest';
import { GraphqlGuard } from '../../examples/nest/graphql.guard.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { createApplication, decorate } from './nest-contract.ts';

describe('outside HTTP', () => {
  class Resolver {
    me(_parent: unknown, _args: unknown, _context: unknown, ..._rest: unknown[]): string {
      return 'handler';
    }
    open(): string {
      return 'handler';
    }
  }
  decorate(Resolver, 'open', [Public()]);

  /** Calls a method as the transports of Nest do, through its guards. */
  async function call(
    name: 'me' | 'open',
    type: string,
    args: unknown[],
    guard: typeof ResourceServerGuard = ResourceServerGuard,
    resourceServer?: ResourceServer<ClaimsUser>,
  ): Promise<unknown> {
    const server = resourceServer ?? (await tokenTableResourceServer());
    const behaviour = { globalGuard: false };
    const module = ResourceServerModule.forRoot({ resourceServer: server, ...behaviour });
    class Guarded extends Resolver {}
    UseGuards(guard)(Guarded);
    class ResolverModule {}
    const providers = [Guarded];
    const application = await createApplication(
      'express',
      [module, { module: ResolverModule, providers }],
      [],
    );
    await application.init();
    try {
      const resolver = application.get(Guarded);
      const creator = application.get(ExternalContextCreator);
      const method = creator.create(
        resolver,
        resolver[name],
        name,
        undefined,
        undefined,
        undefined,
        undefined,
        { guards: true, interceptors: false, filters: false },
        type,
      );
      return await (method(...args) as Promise<unknown>);
    } finally {
      await application.close();
    }
  }
  const request = (who?: string) => ({
    method: 'POST',
    url: '/graphql',
    headers: {},
    rawHeaders: who === undefined ? [] : ['Authorization', `Bearer ${who}-token`],
  });

  it.each(['ws', 'rpc', 'graphql'])('refuses a %s context, whatever is in it', async (type) => {
    const args = [request('alice'), request('alice'), { req: request('alice') }];
    await expect(call('me', type, args)).rejects.toThrow(`found no HTTP request in a "${type}" context`);
    await expect(call('me', type, [])).rejects.toThrow(TypeError);
    await expect(call('open', type, [])).resolves.toBe('handler');
  });

  it('guards GraphQL with a getRequest() of its own, and touches no response', async () => {
    await expect(call('me', 'graphql', [{}, {}, { req: request('alice') }], GraphqlGuard)).resolves.toBe(
      'handler',
    );
    const refused = call('me', 'graphql', [{}, {}, { req: request() }], GraphqlGuard);
    await expect(refused).rejects.toMatchObject({
      message: 'Unauthorized',
      cause: { code: 'ERR_NO_CREDENTIALS' },
    });
    await expect(refused).rejects.toBeInstanceOf(ResourceServerException);
  });

  it.each([[undefined], [null], ['request'], [{}], [{ raw: null }], [{ rawHeaders: 'a' }]])(
    'refuses when getRequest() returns %j',
    async (returned) => {
      class Careless extends ResourceServerGuard {
        protected override getRequest(): object | undefined {
          return returned as object | undefined;
        }
      }
      await expect(call('me', 'graphql', [], Careless)).rejects.toThrow('Override its getRequest()');
    },
  );

  it('asks again for each message of one request, which may live long', async () => {
    const resourceServer = await tokenTableResourceServer();
    const authenticate = vi.fn(resourceServer.authenticate.bind(resourceServer));
    const counted = { ...resourceServer, authenticate: authenticate as typeof resourceServer.authenticate };
    const args = [{}, {}, { req: request('alice') }];
    await call('me', 'graphql', args, GraphqlGuard, counted);
    await call('me', 'graphql', args, GraphqlGuard, counted);
    expect(authenticate).toHaveBeenCalledTimes(2);
  });
});
