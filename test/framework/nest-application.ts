import { Controller, Get, type INestApplication, type Type } from '@nestjs/common';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import {
  CurrentUser,
  Public,
  Requires,
  ResourceServerModule,
  type ResourceServerModuleBehaviour,
} from 'oidc-resource-server/nest';
import { type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { createApplication, decorate, type Platform } from './nest-contract.ts';

/** Asks as the person (or the robot) whose token it is. */
export type Ask = (path: string, who?: string, method?: string) => Promise<RawAnswer>;

interface Options {
  readonly platform?: Platform;
  readonly behaviour?: ResourceServerModuleBehaviour;
  readonly resourceServer?: ResourceServer<ClaimsUser>;
  prepare?(application: INestApplication): void;
}

/** Runs an application of these controllers and asks it. */
export async function withApplication(
  controllers: Type[],
  use: (ask: Ask, application: INestApplication) => Promise<void>,
  { platform = 'express', behaviour, resourceServer, prepare }: Options = {},
): Promise<void> {
  const server = resourceServer ?? (await tokenTableResourceServer());
  const module = ResourceServerModule.forRoot({ resourceServer: server, ...behaviour });
  const application = await createApplication(platform, [module], controllers);
  prepare?.(application);
  await application.listen(0, '127.0.0.1');
  const origin = (await application.getUrl()).replace('localhost', '127.0.0.1');
  const ask: Ask = (path, who, method = 'GET') =>
    rawRequest(origin, `${method} ${path}`, who === undefined ? [] : [`Authorization: Bearer ${who}-token`]);
  try {
    await use(ask, application);
  } finally {
    await application.close();
    await server.close();
  }
}

export class Routes {
  plain(): string {
    return 'handler';
  }
  open(): string {
    return 'handler';
  }
  scoped(): string {
    return 'handler';
  }
  both(): string {
    return 'handler';
  }
  careless(user: unknown): unknown {
    return user ?? 'handler';
  }
}

/** A controller with these routes, decorated further. */
export function routes(...decorators: ClassDecorator[]): Type {
  class DecoratedRoutes extends Routes {}
  for (const decorator of [...decorators, Controller()]) decorator(DecoratedRoutes);
  return DecoratedRoutes;
}
decorate(Routes, 'plain', [Get('plain')]);
decorate(Routes, 'open', [Get('open'), Public()]);
decorate(Routes, 'scoped', [Get('scoped'), Requires({ scopes: ['groups'] })]);
decorate(Routes, 'both', [Get('both'), Requires({ scopes: ['groups'] }), Public()]);
decorate(Routes, 'careless', [Get('careless'), Public()], CurrentUser());

/** The status for each path. */
export async function statuses(ask: Ask, paths: string[], who?: string): Promise<number[]> {
  return Promise.all(paths.map(async (path) => (await ask(path, who)).status));
}
