import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  type INestApplication,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { ResourceServerException, ResourceServerModule } from 'oidc-resource-server/nest';
import { describe, expect, it, vi } from 'vitest';
import { rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { routes, withApplication } from './nest-application.ts';
import { createApplication, type Platform, PLATFORMS } from './nest-contract.ts';

describe.each(Object.keys(PLATFORMS) as Platform[])('on %s', (platform) => {
  it('answers with the bytes of the challenge', async () => {
    const resourceServer = await tokenTableResourceServer();
    let error: unknown;
    const challenge = vi.fn((thrown: unknown) => {
      error = thrown;
      return resourceServer.challenge(thrown);
    });
    await withApplication(
      [routes()],
      async (ask) => {
        for (const who of [undefined, 'dead', 'no-scope', 'down', 'bug']) {
          const answer = await ask('/scoped', who);
          const { status, headers, body } = resourceServer.challenge(error);
          expect(answer).toMatchObject({ status, body });
          expect(Object.keys(headers).length).toBeGreaterThan(1);
          for (const [name, value] of Object.entries(headers))
            expect(answer.headers.get(name)).toEqual([value]);
          expect(answer.headers.get('content-length')).toEqual([String(Buffer.byteLength(body))]);
        }
        expect(challenge).toHaveBeenCalledTimes(5);
      },
      { platform, resourceServer: { ...resourceServer, challenge } },
    );
  });

  it('sends every value of a header', async () => {
    const resourceServer = await tokenTableResourceServer();
    const several = ['DPoP algs="ES256"', 'Bearer realm="api"'];
    const challenge = (error: unknown) => {
      const answer = resourceServer.challenge(error);
      return { ...answer, headers: { ...answer.headers, 'www-authenticate': several } };
    };
    await withApplication(
      [routes()],
      async (ask) => {
        expect((await ask('/plain')).headers.get('www-authenticate')).toEqual(several);
      },
      { platform, resourceServer: { ...resourceServer, challenge } },
    );
  });

  it('leaves a Cache-Control alone that was there before', async () => {
    const prepare = (application: INestApplication) =>
      application.use(
        (_request: unknown, response: { setHeader(n: string, v: string): void }, next: () => void) => {
          response.setHeader('cache-control', 'max-age=60');
          next();
        },
      );
    await withApplication(
      [routes()],
      async (ask) => {
        expect((await ask('/plain', 'alice')).headers.get('cache-control')).toEqual(['max-age=60']);
        expect((await ask('/plain')).headers.get('cache-control')).toEqual(['no-store']);
      },
      { platform, prepare },
    );
  });

  it('leaves preflights to the CORS handling of the application (R7)', async () => {
    await withApplication(
      [routes()],
      async (ask, application) => {
        const { port } = (application.getHttpServer() as Server).address() as AddressInfo;
        const origin = `http://127.0.0.1:${String(port)}`;
        const headers = ['Origin: https://app.example.com', 'Access-Control-Request-Method: GET'];
        const preflight = await rawRequest(origin, 'OPTIONS /plain', headers);
        expect(preflight.status).toBe(204);
        expect(preflight.headers.get('access-control-allow-origin')).toEqual(['*']);
        expect((await ask('/plain')).headers.get('access-control-allow-origin')).toEqual(['*']);
      },
      {
        platform,
        prepare: (application) => {
          application.enableCors();
        },
      },
    );
  });

  describe('lets filters of the application', () => {
    const seen: ResourceServerException[] = [];
    class Watching implements ExceptionFilter<ResourceServerException> {
      catch(exception: ResourceServerException, host: ArgumentsHost): void {
        seen.push(exception);
        const { httpAdapter } = application.get(HttpAdapterHost);
        httpAdapter.reply(
          host.switchToHttp().getResponse(),
          { own: exception.getStatus() },
          exception.getStatus(),
        );
      }
    }
    let application: INestApplication;
    Catch(ResourceServerException)(Watching);
    const prepare = (made: INestApplication) => (application = made);

    it('see the refusal and answer in a form of their own, with the challenge', async () => {
      seen.length = 0;
      await withApplication(
        [routes(UseFilters(Watching))],
        async (ask) => {
          const answer = await ask('/scoped', 'no-scope');
          expect(answer).toMatchObject({ status: 403, body: '{"own":403}' });
          expect(answer.headers.get('www-authenticate')?.[0]).toContain('insufficient_scope');
          expect(answer.headers.get('cache-control')).toEqual(['no-store']);
          expect(answer.headers.get('content-type')?.[0]).toMatch(/^application\/json/);
        },
        { platform, prepare },
      );
      expect(seen[0]?.cause).toMatchObject({ code: 'ERR_INSUFFICIENT_SCOPE' });
      expect(seen[0]?.getResponse()).toMatchObject({ status: 403, error: 'insufficient_scope' });
    });

    it('be bound to the whole application', async () => {
      seen.length = 0;
      const global = (made: INestApplication) => {
        application = made;
        made.useGlobalFilters(new Watching());
      };
      await withApplication(
        [routes()],
        async (ask) => {
          expect((await ask('/plain')).body).toBe('{"own":401}');
        },
        { platform, prepare: global },
      );
      const resourceServer = await tokenTableResourceServer();
      class FilterModule {}
      const providers = [{ provide: APP_FILTER, useClass: Watching }];
      const made = await createApplication(
        platform,
        [{ module: FilterModule, providers }, ResourceServerModule.forRoot({ resourceServer })],
        [routes()],
      );
      application = made;
      await made.listen(0, '127.0.0.1');
      try {
        const answer = await rawRequest(
          (await made.getUrl()).replace('localhost', '127.0.0.1'),
          'GET /plain',
        );
        expect(answer.body).toBe('{"own":401}');
      } finally {
        await made.close();
      }
      expect(seen).toHaveLength(2);
    });

    it('learn nothing secret from it (E1, E4)', async () => {
      seen.length = 0;
      await withApplication(
        [routes(UseFilters(Watching))],
        async (ask) => {
          await ask('/plain', 'dead');
          await ask('/plain', 'bug');
        },
        { platform, prepare },
      );
      const [dead, bug] = seen as [ResourceServerException, ResourceServerException];
      expect(dead.cause).toMatchObject({ code: 'ERR_INVALID_TOKEN', reason: 'inactive' });
      expect(JSON.stringify(dead)).not.toContain('inactive');
      expect(dead.message).toBe('Unauthorized');
      expect(bug.cause).toBeUndefined();
      expect(bug.getStatus()).toBe(500);
      expect(inspect(seen, { depth: 9, showHidden: true })).not.toMatch(/s3cr3t|dead-token|bug-token/);
    });
  });
});
