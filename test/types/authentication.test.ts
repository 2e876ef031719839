import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';
import {
  type BackendDependencies,
  type Claims,
  type ClaimsUser,
  createResourceServer,
  IntrospectionResourceServerBackend,
  JWTResourceServerBackend,
  type MemoryUser,
  MemoryUserStore,
  registerBackend,
  type Requirements,
  type ResourceServer,
  type UserStore,
} from 'oidc-resource-server';
import { authenticate, protectedRouter } from 'oidc-resource-server/express';
import { authenticate as guard } from 'oidc-resource-server/node';
import { describe, expectTypeOf, it } from 'vitest';

interface Team {
  readonly id: number;
}
interface TeamClaims extends Claims {
  readonly team: string;
}
declare const teams: ResourceServer<Team, TeamClaims>;
declare const request: Request;
declare const requirements: Requirements;

// Nothing here runs: `npm run check:types` compiles it, and a wrong type is an error there.
describe('what a route requires decides the type of what it gets', () => {
  it('a person, when it says nothing', () => {
    const of = (): unknown => authenticate(teams).of(request).user;
    expectTypeOf(of).returns.toEqualTypeOf<unknown>();
    expectTypeOf(authenticate<Team, TeamClaims>).returns.toHaveProperty('of');
    const read = () => authenticate(teams, { scopes: ['a'] }).of(request);
    expectTypeOf(read).returns.toHaveProperty('user').toEqualTypeOf<Team>();
    expectTypeOf(read).returns.toHaveProperty('client').toEqualTypeOf<undefined>();
    expectTypeOf(read).returns.toHaveProperty('claims').toEqualTypeOf<TeamClaims>();
    expectTypeOf(read).returns.toHaveProperty('audience').toEqualTypeOf<string>();
  });

  it('a person or a client, when it takes clients; `client` tells them apart', () => {
    const read = () => {
      const auth = authenticate(teams, { clients: true }).of(request);
      return auth.client === undefined ? auth.user : auth.client;
    };
    expectTypeOf(read).returns.toEqualTypeOf<Team | string>();
  });

  it('perhaps nobody, when credentials are optional', () => {
    const read = () => authenticate(teams, { optional: true }).of(request)?.user;
    expectTypeOf(read).returns.toEqualTypeOf<Team | undefined>();
    const both = () => authenticate(teams, { optional: true, clients: true }).of(request)?.client;
    expectTypeOf(both).returns.toEqualTypeOf<string | undefined>();
  });

  it('all three, when the requirements are known at run time only', () => {
    const read = () => authenticate(teams, requirements).of(request);
    expectTypeOf(read).returns.extract<undefined>().toEqualTypeOf<undefined>();
    expectTypeOf<{ user: undefined; client: string }>().toExtend<
      Pick<NonNullable<ReturnType<typeof read>>, 'user' | 'client'>
    >();
  });

  it('the same on a router, on node:http and without a framework', () => {
    const router = () => protectedRouter(teams, { scopes: ['a'] }).of(request).user;
    expectTypeOf(router).returns.toEqualTypeOf<Team>();
    const node = (message: IncomingMessage) => guard(teams).of(message).user;
    expectTypeOf(node).returns.toEqualTypeOf<Team>();
    const bare = async () =>
      (await teams.authenticate({ method: 'GET', url: '/', rawHeaders: [] }, { clients: true })).client;
    expectTypeOf(bare).returns.resolves.toEqualTypeOf<string | undefined>();
  });

  it('a guard is Express middleware', () => {
    const middleware = (): RequestHandler => authenticate(teams);
    expectTypeOf(middleware).returns.toEqualTypeOf<RequestHandler>();
  });
});

describe('the user follows from the options', () => {
  it('claims by default, the store or the backend otherwise', () => {
    const byDefault = () => createResourceServer();
    expectTypeOf(byDefault).returns.resolves.toEqualTypeOf<ResourceServer<ClaimsUser>>();
    const store = () => createResourceServer({ userStore: new MemoryUserStore() });
    expectTypeOf(store).returns.resolves.toEqualTypeOf<ResourceServer<MemoryUser>>();
    const own = (userStore: UserStore<Team>) => createResourceServer({ userStore });
    expectTypeOf(own).returns.resolves.toEqualTypeOf<ResourceServer<Team>>();
    class TeamBackend extends JWTResourceServerBackend<Team, TeamClaims> {}
    const backend = () => createResourceServer({ backend: TeamBackend });
    expectTypeOf(backend).returns.resolves.toEqualTypeOf<ResourceServer<Team, TeamClaims>>();
  });
});

describe('what must not compile', () => {
  it('is marked, and an unused mark is an error', () => {
    const mistakes = (): void => {
      // @ts-expect-error -- a scope list is no string
      authenticate(teams, { scopes: 'groups' });
      // @ts-expect-error -- there is no such requirement
      authenticate(teams, { roles: ['admin'] });
      // @ts-expect-error -- an optional route may have nobody
      String(authenticate(teams, { optional: true }).of(request).user.id);
      // @ts-expect-error -- a client has no user
      String(authenticate(teams, { clients: true }).of(request).user.id);
      // @ts-expect-error -- not a backend
      registerBackend('Date', Date);
      // @ts-expect-error -- a setting that does not exist
      void createResourceServer({ settings: { OIDC_RS_SCOPE: ['groups'] } });
      const backend = IntrospectionResourceServerBackend<Team>;
      // @ts-expect-error -- a user store of one user type, a backend of another
      void createResourceServer({ backend, userStore: new MemoryUserStore() });
      class WithService extends IntrospectionResourceServerBackend<Team> {
        readonly #service: Date;
        constructor(dependencies: BackendDependencies<Team>, service: Date) {
          super(dependencies);
          this.#service = service;
        }
        now = (): Date => this.#service;
      }
      // @ts-expect-error -- a class with a service needs a factory
      registerBackend('WithService', WithService);
    };
    expectTypeOf(mistakes).returns.toBeVoid();
  });
});
