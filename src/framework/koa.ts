/**
 * The adapter for Koa 2 and 3.
 *
 * @module oidc-resource-server/koa
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type {} from 'koa';
import type { Claims } from '../claims.ts';
import type {
  Answer,
  AuthenticationFor,
  RegisteredAuthentication,
  NoRequirements,
  Requirements,
  ResourceRequest,
  ResourceServer,
} from '../types.ts';
import { Admissions } from './admissions.ts';
import { nodeBody } from './node-body.ts';
import { isPreflight, resourceRequest } from './node-request.ts';
import { publishedAnswer } from './published-answer.ts';

declare module 'koa' {
  interface DefaultState {
    /** Who makes the request, once a guard has let it in. A guard's `of` returns the same, typed by the route. */
    auth?: RegisteredAuthentication;
  }
}

/** What the middleware uses of Koa's context, whatever its state and its router. */
export interface GuardedContext {
  readonly req: Pick<IncomingMessage, 'method' | 'rawHeaders' | 'headers'>;
  readonly res: Pick<ServerResponse, 'hasHeader'>;
  readonly originalUrl: string;
  readonly path: string;
  readonly state: object;
  status: number;
  body: unknown;
  /** Sets a header of the answer. */
  set(name: string, value: string | string[]): void;
}

/** What the middleware that publishes uses of Koa's context, on top of that. */
export interface PublishedContext extends GuardedContext {
  readonly req: IncomingMessage;
  readonly request: object;
}

/** Calls what comes below. */
export type Next = () => Promise<unknown>;

/** Koa middleware that lets a request in or answers it. */
export interface Guard<A> {
  (ctx: GuardedContext, next: Next): Promise<void>;
  /**
   * Who makes the request: what this route requires decides the type.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(ctx: GuardedContext): A;
}

/**
 * Makes middleware that guards everything below it, `app.use(guard)`, or one route, `router.get('/me', guard, …)`.
 *
 * Never `router.use(guard)`: `@koa/router` serves routes past it that were added earlier or whose path is spelt otherwise.
 *
 * A refused request is answered, not thrown: `app.on('error')` does not hear of it. What comes below may throw as
 * ever: that is left to Koa.
 *
 * A CORS preflight gets 204 and never goes further; put the application's CORS handling above the guard.
 *
 * @example
 * {@includeCode ../../examples/koa.ts}
 *
 * @param requirements What the route asks for, on top of the settings.
 * @see {@link https://koajs.com | Koa}
 */
export function authenticate<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: ResourceServer<U, C>,
  requirements?: R,
): Guard<AuthenticationFor<U, C, R>> {
  type A = AuthenticationFor<U, C, R>;
  const admissions = new Admissions<GuardedContext, A>();

  const guard = async (ctx: GuardedContext, next: Next): Promise<void> => {
    if (isPreflight(ctx.req)) {
      ctx.status = 204;
      return;
    }
    try {
      const auth = await resourceServer.authenticate(requestOf(ctx), requirements);
      admissions.add(ctx, auth);
      Object.assign(ctx.state, { auth });
    } catch (error) {
      send(ctx, resourceServer.challenge(error));
      return;
    }
    if (!ctx.res.hasHeader('cache-control')) ctx.set('cache-control', 'private');
    // Outside: what a handler throws is no refusal.
    await next();
  };
  return Object.assign(guard, { of: (ctx: GuardedContext): A => admissions.of(ctx) });
}

/**
 * Makes middleware for what the resource server publishes, such as `/jwks`; other paths go further down. Put it above
 * every guard.
 */
export function endpoints(
  resourceServer: Pick<ResourceServer<unknown>, 'endpoints' | 'challenge'>,
): (ctx: PublishedContext, next: Next) => Promise<void> {
  const published = new Map(resourceServer.endpoints.map((endpoint) => [endpoint.path, endpoint]));
  return async (ctx, next) => {
    const endpoint = published.get(ctx.path);
    if (endpoint === undefined) {
      await next();
      return;
    }
    // Body parsers for Koa leave what they have read at its own request.
    const body = nodeBody(ctx.req, ctx.request);
    send(ctx, await publishedAnswer(resourceServer, endpoint, requestOf(ctx), body));
  };
}

function requestOf({ req, originalUrl }: GuardedContext): ResourceRequest {
  return resourceRequest({ method: req.method, url: originalUrl, rawHeaders: req.rawHeaders });
}

function send(ctx: GuardedContext, answer: Answer): void {
  // The body comes first: Koa changes the status and the content type with it. `null`, because Koa would tell HEAD a
  // Content-Length of 0 for an empty string.
  ctx.body = answer.body === '' ? null : answer.body;
  ctx.status = answer.status;
  for (const name of Object.keys(answer.headers)) {
    const value = answer.headers[name] as string | readonly string[];
    ctx.set(name, typeof value === 'string' ? value : [...value]);
  }
}
