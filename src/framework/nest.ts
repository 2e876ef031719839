/**
 * The adapter for NestJS 11 and 12, on Express or Fastify. It needs no emitted decorator metadata.
 *
 * @module oidc-resource-server/nest
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  RequestMethod,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { ResourceServer } from '../types.ts';
import { RESOURCE_SERVER, ResourceServerGuard } from './nest-guard.ts';
import { nodeBody } from './node-body.ts';
import { resourceRequest, sendAnswer } from './node-request.ts';
import { publishedAnswer } from './published-answer.ts';

export {
  type AuthenticationDecorator,
  authenticationOf,
  CurrentAuthentication,
  CurrentUser,
  Public,
  Requires,
  RESOURCE_SERVER,
  ResourceServerException,
  ResourceServerGuard,
} from './nest-guard.ts';

/** How the module behaves in the application. */
export interface ResourceServerModuleBehaviour {
  /**
   * Makes {@link ResourceServerGuard} the guard of every route of the application: one that nobody thought of is refused,
   * and `@Public()` opens one. Default: `true`. With `false`, only routes with `@UseGuards(ResourceServerGuard)` are
   * guarded.
   */
  readonly globalGuard?: boolean;
  /**
   * Lets every module of the application inject `RESOURCE_SERVER` and use the guard without importing this module.
   * Default: `true`. Two resource servers in one application want `false`.
   */
  readonly global?: boolean;
  /**
   * Closes the resource server when the application shuts down, after the last request. Default: `false`: whoever made
   * it closes it.
   */
  readonly closeOnShutdown?: boolean;
}

/** What {@link ResourceServerModule.forRoot} takes. */
export interface ResourceServerModuleOptions extends ResourceServerModuleBehaviour {
  /** What `createResourceServer` has made. */
  readonly resourceServer: ResourceServer<unknown>;
}

/** What {@link ResourceServerModule.forRootAsync} takes: a factory provider, in Nest's own terms. */
export interface ResourceServerModuleAsyncOptions extends ResourceServerModuleBehaviour {
  /** Modules whose providers the factory wants. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** What the factory is called with. */
  readonly inject?: NonNullable<FactoryProvider['inject']>;
  /** Makes the resource server: `() => createResourceServer()`. What it rejects with stops the start. */
  readonly useFactory: FactoryProvider<ResourceServer<unknown>>['useFactory'];
}

const CLOSE_ON_SHUTDOWN = Symbol('closeOnShutdown');

/**
 * Brings a resource server into a Nest application: it guards every route, provides `RESOURCE_SERVER`, and publishes what
 * the resource server publishes, such as `GET /jwks`, unguarded.
 *
 * The global prefix of the application goes before these paths too; `exclude` them from it where the authorization server
 * looks at the root. URI versions do not.
 *
 * @example
 * {@includeCode ../../examples/nest/app.module.ts#module}
 *
 * @see {@link https://docs.nestjs.com/fundamentals/dynamic-modules | Dynamic modules of NestJS}
 */
export class ResourceServerModule implements NestModule, OnApplicationShutdown {
  readonly #resourceServer: ResourceServer<unknown>;
  readonly #closeOnShutdown: boolean;

  /** Nest calls it: import what {@link ResourceServerModule.forRoot} returns. */
  constructor(resourceServer: ResourceServer<unknown>, closeOnShutdown: boolean) {
    this.#resourceServer = resourceServer;
    this.#closeOnShutdown = closeOnShutdown;
  }

  /** Takes a resource server that has been made. Import it once, in the module of the application. */
  static forRoot({ resourceServer, ...behaviour }: ResourceServerModuleOptions): DynamicModule {
    return ResourceServerModule.forRootAsync({ ...behaviour, useFactory: () => resourceServer });
  }

  /** Makes the resource server while the application starts, with providers of the application such as a user store. */
  static forRootAsync(options: ResourceServerModuleAsyncOptions): DynamicModule {
    const { imports = [], inject = [], useFactory } = options;
    const { globalGuard = true, global = true, closeOnShutdown = false } = options;
    return {
      module: ResourceServerModule,
      global,
      imports,
      providers: [
        { provide: RESOURCE_SERVER, inject, useFactory },
        { provide: CLOSE_ON_SHUTDOWN, useValue: closeOnShutdown },
        ResourceServerGuard,
        ...(globalGuard ? [{ provide: APP_GUARD, useExisting: ResourceServerGuard }] : []),
      ],
      exports: [RESOURCE_SERVER, ResourceServerGuard],
    };
  }

  /** Nest calls it: mounts what the resource server publishes. Middleware, because guards do not see it. */
  configure(consumer: MiddlewareConsumer): void {
    const resourceServer = this.#resourceServer;
    for (const endpoint of resourceServer.endpoints) {
      consumer
        .apply(async (request: IncomingMessage, response: ServerResponse) => {
          const asked = resourceRequest(request);
          sendAnswer(response, await publishedAnswer(resourceServer, endpoint, asked, nodeBody(request)));
        })
        .forRoutes({ path: endpoint.path, method: RequestMethod.ALL, version: VERSION_NEUTRAL });
    }
  }

  /** Nest calls it after the last request: closes the resource server where that was asked for. */
  async onApplicationShutdown(): Promise<void> {
    if (this.#closeOnShutdown) await this.#resourceServer.close();
  }
}

Module({})(ResourceServerModule);
Inject(RESOURCE_SERVER)(ResourceServerModule, undefined, 0);
Inject(CLOSE_ON_SHUTDOWN)(ResourceServerModule, undefined, 1);
