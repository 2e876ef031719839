import {
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Req,
  UseGuards,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { ClaimsUser, RegisteredAuthentication } from 'oidc-resource-server';
import {
  authenticationOf,
  CurrentAuthentication,
  CurrentUser,
  Public,
  Requires,
  ResourceServerGuard,
} from 'oidc-resource-server/nest';
import { describe, expect, it, vi } from 'vitest';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { Routes, routes, statuses, withApplication } from './nest-application.ts';
import { decorate, type Platform, PLATFORMS } from './nest-contract.ts';

describe('as the guard of every route', () => {
  it('refuses a route that nobody decorated, and opens a public one (R10)', async () => {
    await withApplication([routes()], async (ask) => {
      expect(await statuses(ask, ['/plain', '/scoped', '/open'])).toEqual([401, 401, 200]);
      expect((await ask('/open', 'dead')).body).toBe('handler');
    });
  });

  it('guards a method that is public and requires something (R10)', async () => {
    await withApplication([routes()], async (ask) => {
      expect(await statuses(ask, ['/both'])).toEqual([401]);
      expect(await statuses(ask, ['/both'], 'alice')).toEqual([200]);
    });
  });

  it('lets what a method requires win over a public controller, and public over what a controller requires', async () => {
    await withApplication([routes(Public())], async (ask) => {
      expect(await statuses(ask, ['/plain', '/open', '/scoped'])).toEqual([200, 200, 401]);
    });
    await withApplication([routes(Requires({ scopes: ['groups'] }))], async (ask) => {
      expect(await statuses(ask, ['/plain', '/open'], 'no-scope')).toEqual([403, 200]);
    });
  });

  it('guards a controller that is public and requires something (R10)', async () => {
    await withApplication([routes(Public(), Requires({ scopes: ['groups'] }))], async (ask) => {
      expect(await statuses(ask, ['/plain'])).toEqual([401]);
    });
  });

  it('replaces what the controller requires by what the method requires, as a whole', async () => {
    await withApplication([routes(Requires({ clients: true, optional: true }))], async (ask) => {
      expect(await statuses(ask, ['/plain'])).toEqual([200]);
      expect(await statuses(ask, ['/plain'], 'robot')).toEqual([200]);
      expect(await statuses(ask, ['/scoped'])).toEqual([401]);
      expect(await statuses(ask, ['/scoped'], 'robot')).toEqual([401]);
    });
  });

  it('keeps what a route requires, whatever becomes of the object', async () => {
    const requirements = { scopes: ['groups'] };
    const controller = routes(Requires(requirements));
    Reflect.deleteProperty(requirements, 'scopes');
    await withApplication([controller], async (ask) => {
      expect(await statuses(ask, ['/plain'], 'no-scope')).toEqual([403]);
    });
  });
});

describe('with globalGuard: false', () => {
  const behaviour = { globalGuard: false };

  it('guards controllers and methods with @UseGuards() alone', async () => {
    class Mixed extends Routes {
      override plain(): string {
        return 'handler';
      }
    }
    decorate(Mixed, 'plain', [Get('plain'), UseGuards(ResourceServerGuard)]);
    Controller('mixed')(Mixed);
    const controllers = [routes(UseGuards(ResourceServerGuard)), Mixed];
    await withApplication(
      controllers,
      async (ask) => {
        expect(await statuses(ask, ['/plain', '/scoped', '/open'])).toEqual([401, 401, 200]);
        expect(await statuses(ask, ['/mixed/plain', '/mixed/scoped'])).toEqual([401, 200]);
        expect(await statuses(ask, ['/plain', '/mixed/plain'], 'alice')).toEqual([200, 200]);
      },
      { behaviour },
    );
  });
});

describe('asks the resource server', () => {
  it('once for a request, though the guard stands there twice', async () => {
    const resourceServer = await tokenTableResourceServer();
    const authenticate = vi.fn(resourceServer.authenticate.bind(resourceServer));
    const counted = { ...resourceServer, authenticate: authenticate as typeof resourceServer.authenticate };
    await withApplication(
      [routes(UseGuards(ResourceServerGuard))],
      async (ask) => {
        expect(await statuses(ask, ['/plain'], 'alice')).toEqual([200]);
        expect(authenticate).toHaveBeenCalledTimes(1);
        expect(await statuses(ask, ['/plain'])).toEqual([401]);
        expect(authenticate).toHaveBeenCalledTimes(2);
      },
      { resourceServer: counted },
    );
  });

  it('again for another route or another resource server, though the request is the same', async () => {
    const resourceServer = await tokenTableResourceServer();
    const request = {
      method: 'GET',
      url: '/',
      headers: {},
      rawHeaders: ['Authorization', 'Bearer no-scope-token'],
    };
    const contextOf = (handler: () => string) =>
      ({
        getType: () => 'http',
        getClass: () => Routes,
        getHandler: () => handler,
        switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ send: () => undefined }) }),
      }) as unknown as ExecutionContext;
    await withApplication(
      [],
      async (_ask, application) => {
        const adapterHost = {
          httpAdapter: { getHeader: () => 'private', setHeader: () => undefined },
        } as never;
        const guardOf = (server: typeof resourceServer) =>
          new ResourceServerGuard(server, application.get(Reflector), adapterHost);
        const guard = guardOf(resourceServer);
        await expect(guard.canActivate(contextOf(Routes.prototype.plain))).resolves.toBe(true);
        await expect(guard.canActivate(contextOf(Routes.prototype.scoped))).rejects.toThrow('Forbidden');
        const closed = await tokenTableResourceServer();
        await closed.close();
        const other = guardOf(closed).canActivate(contextOf(Routes.prototype.plain));
        await expect(other).rejects.toThrow('Service Unavailable');
      },
      { resourceServer },
    );
  });
});

describe.each(Object.keys(PLATFORMS) as Platform[])('on %s', (platform) => {
  it('gives handlers one frozen authentication (R11)', async () => {
    class Identity {
      me(user: ClaimsUser, auth: RegisteredAuthentication, request: object & { auth?: unknown }): object {
        return [
          Object.isFrozen(auth),
          auth.user === user,
          request.auth === auth,
          authenticationOf(request) === auth,
        ];
      }
      optional(user: unknown, auth: unknown, request: object): object {
        return [
          user === undefined,
          auth === undefined,
          authenticationOf(request) === undefined,
          'auth' in request,
        ];
      }
    }
    decorate(Identity, 'me', [Get('me')], CurrentUser(), CurrentAuthentication(), Req());
    const optional = [Get('optional'), Requires({ optional: true })];
    decorate(Identity, 'optional', optional, CurrentUser(), CurrentAuthentication(), Req());
    Controller()(Identity);
    await withApplication(
      [Identity],
      async (ask) => {
        expect((await ask('/me', 'alice')).body).toBe('[true,true,true,true]');
        expect((await ask('/optional')).body).toBe('[true,true,true,true]');
      },
      { platform },
    );
  });

  it('answers 500 where a handler wants the user and no guard stands before it (R10)', async () => {
    await withApplication(
      [routes()],
      async (ask) => {
        for (const who of [undefined, 'alice']) {
          const answer = await ask('/careless', who);
          expect(answer.status).toBe(500);
          expect(answer.body).not.toContain('handler');
        }
      },
      { platform },
    );
  });
});

describe('on Fastify', () => {
  it('does not mind a getter named auth that a plugin has put on requests', async () => {
    const prepare = (application: INestApplication) =>
      (application.getHttpAdapter().getInstance() as FastifyInstance).decorateRequest('auth', {
        getter: () => 'of a plugin' as never,
      });
    await withApplication(
      [routes()],
      async (ask) => {
        expect(await statuses(ask, ['/plain'], 'alice')).toEqual([200]);
      },
      { platform: 'fastify', prepare },
    );
  });

  it('guards requests of inject()', async () => {
    await withApplication(
      [routes()],
      async (_ask, application) => {
        const fastify = application.getHttpAdapter().getInstance() as FastifyInstance;
        expect((await fastify.inject('/plain')).statusCode).toBe(401);
        const headers = { authorization: 'Bearer alice-token' };
        expect((await fastify.inject({ url: '/plain', headers })).body).toBe('handler');
      },
      { platform: 'fastify' },
    );
  });
});
