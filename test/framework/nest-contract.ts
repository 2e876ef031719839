import { All, Controller, type DynamicModule, Get, Header, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ClaimsUser, RegisteredAuthentication } from 'oidc-resource-server';
import {
  CurrentAuthentication,
  CurrentUser,
  Requires,
  ResourceServerModule,
} from 'oidc-resource-server/nest';
import type { StartApplication } from './framework-contract.ts';

/** What Nest can stand on. */
export const PLATFORMS = { express: ExpressAdapter, fastify: FastifyAdapter };

export type Platform = keyof typeof PLATFORMS;

/** Decorates a handler and its parameters, as the syntax of decorators would: the compiler here does not know it. */
export function decorate<T extends object>(
  controller: Type<T>,
  handler: keyof T & string,
  decorators: MethodDecorator[],
  ...parameters: ParameterDecorator[]
): void {
  const prototype = controller.prototype as T;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, handler) as PropertyDescriptor;
  for (const decorator of decorators) decorator(prototype, handler, descriptor);
  for (const [index, parameter] of parameters.entries()) parameter(prototype, handler, index);
}

interface Subject {
  readonly subject: string | null;
}

class AppController {
  me(user: ClaimsUser): Subject {
    return { subject: user.subject };
  }
  optional(user: ClaimsUser | undefined): Subject {
    return { subject: user?.subject ?? null };
  }
  client(auth: RegisteredAuthentication): object {
    return { client: auth.client ?? null, subject: (auth.user as ClaimsUser | undefined)?.subject ?? null };
  }
  all(user: ClaimsUser): Subject {
    return { subject: user.subject };
  }
  cached(user: ClaimsUser): Subject {
    return { subject: user.subject };
  }
  throws(): never {
    throw new Error('s3cr3t');
  }
  rejects(): Promise<never> {
    return Promise.reject(new Error('s3cr3t'));
  }
  inside(user: ClaimsUser): Subject {
    return { subject: user.subject };
  }
}
decorate(AppController, 'me', [Get('me'), Requires({ scopes: ['groups'] })], CurrentUser());
decorate(AppController, 'optional', [Get('optional'), Requires({ optional: true })], CurrentUser());
decorate(AppController, 'client', [Get('client'), Requires({ clients: true })], CurrentAuthentication());
decorate(AppController, 'all', [All('all')], CurrentUser());
decorate(AppController, 'cached', [Get('cached'), Header('Cache-Control', 'max-age=60')], CurrentUser());
decorate(AppController, 'throws', [Get('throws')]);
decorate(AppController, 'rejects', [Get('rejects')]);
decorate(AppController, 'inside', [All('api/inside')], CurrentUser());
Controller()(AppController);

/** Makes an application of these controllers and modules, without a word of Nest's logger. */
export async function createApplication(
  platform: Platform,
  imports: DynamicModule[],
  controllers: Type[] = [AppController],
) {
  class AppModule {}
  const root = { module: AppModule, imports, controllers };
  const adapter = new PLATFORMS[platform]();
  // `@All()` means every method that Fastify knows, and NestJS 11 does not tell it this one.
  if (adapter instanceof FastifyAdapter) adapter.getInstance().addHttpMethod('PROPFIND', { hasBody: true });
  return NestFactory.create(root, adapter, { logger: false, abortOnError: false });
}

/** The application of the framework contract, guarded by default. */
export function startNest(platform: Platform): StartApplication {
  return async (resourceServer) => {
    const application = await createApplication(platform, [ResourceServerModule.forRoot({ resourceServer })]);
    await application.listen(0, '127.0.0.1');
    const origin = (await application.getUrl()).replace('localhost', '127.0.0.1');
    return { origin, close: () => application.close() };
  };
}
