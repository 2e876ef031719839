import {
  Controller,
  Get,
  type INestApplication,
  Inject,
  type Type,
  UseGuards,
  VersioningType,
} from '@nestjs/common';
import {
  RESOURCE_SERVER,
  ResourceServerGuard,
  ResourceServerModule,
  type ResourceServerModuleBehaviour,
} from 'oidc-resource-server/nest';
import { describe, expect, it, vi } from 'vitest';
import { rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { createApplication, decorate, type Platform, PLATFORMS } from './nest-contract.ts';

async function originOf(application: INestApplication): Promise<string> {
  await application.listen(0, '127.0.0.1');
  return (await application.getUrl()).replace('localhost', '127.0.0.1');
}

describe.each(Object.keys(PLATFORMS) as Platform[])('what it publishes, on %s', (platform) => {
  async function statuses(
    paths: string[],
    prepare: (application: INestApplication) => void,
  ): Promise<number[]> {
    const resourceServer = await tokenTableResourceServer();
    const module = ResourceServerModule.forRoot({ resourceServer });
    const application = await createApplication(platform, [module], []);
    prepare(application);
    const origin = await originOf(application);
    try {
      return await Promise.all(paths.map(async (path) => (await rawRequest(origin, `GET ${path}`)).status));
    } finally {
      await application.close();
    }
  }

  it('stands below the global prefix, unless it is excluded from it', async () => {
    const paths = ['/jwks', '/api/jwks', '/api/jwks?a=b', '/api/jwks/more'];
    const below = (application: INestApplication) => application.setGlobalPrefix('api');
    expect(await statuses(paths, below)).toEqual([404, 200, 200, 404]);
    const beside = (application: INestApplication) =>
      application.setGlobalPrefix('api', { exclude: ['jwks'] });
    expect(await statuses(paths, beside)).toEqual([200, 404, 404, 404]);
  });

  it('has no version before it', async () => {
    const versions = (application: INestApplication) =>
      application.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
    expect(await statuses(['/jwks', '/v1/jwks'], versions)).toEqual([200, 404]);
  });

  it('answers what goes wrong with the challenge (R9)', async () => {
    const resourceServer = await tokenTableResourceServer();
    const endpoints = [{ path: '/broken', respond: () => Promise.reject(new Error('s3cr3t')) }];
    const module = ResourceServerModule.forRoot({ resourceServer: { ...resourceServer, endpoints } });
    const application = await createApplication(platform, [module], []);
    try {
      const answer = await rawRequest(await originOf(application), 'GET /broken');
      expect(answer).toMatchObject({ status: 500, body: resourceServer.challenge(undefined).body });
    } finally {
      await application.close();
    }
  });
});

/** A module of the application with a guarded route and the resource server in its hands. */
function feature(...imports: Type[]) {
  class Feature {
    readonly resourceServer: unknown;
    constructor(resourceServer: unknown) {
      this.resourceServer = resourceServer;
    }
    me(): boolean {
      return typeof this.resourceServer === 'object';
    }
  }
  Inject(RESOURCE_SERVER)(Feature, undefined, 0);
  decorate(Feature as Type<Feature>, 'me', [Get('me'), UseGuards(ResourceServerGuard)]);
  Controller()(Feature);
  class FeatureModule {}
  return { module: FeatureModule, imports, controllers: [Feature] };
}

describe('forRoot and forRootAsync', () => {
  it('give every module the resource server and the guard', async () => {
    const resourceServer = await tokenTableResourceServer();
    const module = ResourceServerModule.forRoot({ resourceServer, globalGuard: false });
    const application = await createApplication('express', [module, feature()], []);
    const origin = await originOf(application);
    try {
      expect((await rawRequest(origin, 'GET /me')).status).toBe(401);
      const answer = await rawRequest(origin, 'GET /me', ['Authorization: Bearer alice-token']);
      expect(answer).toMatchObject({ status: 200, body: 'true' });
      expect(application.get(RESOURCE_SERVER)).toBe(resourceServer);
    } finally {
      await application.close();
    }
  });

  it('give them with global: false only to modules that import it', async () => {
    const resourceServer = await tokenTableResourceServer();
    const module = ResourceServerModule.forRoot({ resourceServer, global: false });
    await expect(createApplication('express', [module, feature()], [])).rejects.toThrow(/RESOURCE_SERVER/);
    const other = { ...feature(), imports: [module] };
    const application = await createApplication('express', [module, other], []);
    await application.close();
  });

  it('take a factory with providers of the application', async () => {
    class Settings {
      readonly enabled = false;
    }
    class SettingsModule {}
    const imports = [{ module: SettingsModule, providers: [Settings], exports: [Settings] }];
    const useFactory = ({ enabled }: Settings) =>
      tokenTableResourceServer({ OIDC_RESOURCE_SERVER_ENABLED: enabled });
    const module = ResourceServerModule.forRootAsync({ imports, inject: [Settings], useFactory });
    const application = await createApplication('express', [module, feature()], []);
    try {
      expect((await rawRequest(await originOf(application), 'GET /me')).status).toBe(503);
    } finally {
      await application.close();
    }
  });

  it('stop the start when the factory rejects', async () => {
    const module = ResourceServerModule.forRootAsync({
      useFactory: () => tokenTableResourceServer({ OIDC_OP_URL: 'not a URL' }),
    });
    await expect(createApplication('express', [module], [])).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
    });
  });
});

describe('the end of the application', () => {
  it.each<[ResourceServerModuleBehaviour, number]>([
    [{}, 0],
    [{ closeOnShutdown: false }, 0],
    [{ closeOnShutdown: true }, 1],
  ])('with %o closes the resource server %i times (X1)', async (behaviour, times) => {
    const resourceServer = await tokenTableResourceServer();
    const close = vi.fn(() => resourceServer.close());
    const module = ResourceServerModule.forRoot({
      resourceServer: { ...resourceServer, close },
      ...behaviour,
    });
    const application = await createApplication('express', [module], []);
    await originOf(application);
    await application.close();
    expect(close).toHaveBeenCalledTimes(times);
  });
});
