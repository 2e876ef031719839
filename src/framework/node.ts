/**
 * The adapter for `node:http`, and for whatever takes middleware of its shape.
 *
 * @module oidc-resource-server/node
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { atOnce } from '../at-once.ts';
import { isThenable } from '../awaitable.ts';
import type { Claims } from '../claims.ts';
import type {
  AuthenticationFor,
  RegisteredAuthentication,
  NoRequirements,
  Requirements,
  ResourceServer,
} from '../types.ts';
import { Admissions } from './admissions.ts';
import { nodeBody } from './node-body.ts';
import { isPreflight, resourceRequest, sendAnswer } from './node-request.ts';
import { publishedAnswer } from './published-answer.ts';

declare module 'http' {
  interface IncomingMessage {
    /** Who makes the request, once a guard has let it in. A guard's `of` returns the same, typed by the route. */
    auth?: RegisteredAuthentication;
  }
}

/** Called when the request may go on. What it throws or rejects with is answered by 500, without detail. */
export type Next = (error?: unknown) => unknown;

/** Lets a request in or answers it. The shape of Connect and Express middleware. */
export interface Guard<A> {
  (request: IncomingMessage, response: ServerResponse, next: Next): void;
  /**
   * Who makes the request: what this route requires decides the type.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: IncomingMessage): A;
}

/**
 * Makes a guard for `node:http`, Connect and Express: it calls `next` for requests that may come in, and answers all
 * others itself.
 *
 * A CORS preflight gets 204 and never reaches `next`; put the application's CORS handling before the guard. Guard the
 * handler or the router that serves the route, never a path prefix in front of it.
 *
 * @param requirements What the route asks for, on top of the settings.
 */
export function authenticate<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: ResourceServer<U, C>,
  requirements?: R,
): Guard<AuthenticationFor<U, C, R>> {
  type A = AuthenticationFor<U, C, R>;
  // By the list of headers: Express changes the shape of each request, which makes whatever is put on it dear.
  const admissions = new Admissions<readonly string[], A>();
  const ask = atOnce(resourceServer);

  const admit = (request: IncomingMessage, response: ServerResponse, next: Next, auth: A): unknown => {
    if (response.destroyed) return undefined;
    admissions.add(request.rawHeaders, auth);
    request.auth = auth as RegisteredAuthentication;
    if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'private');
    return next();
  };
  const refuse = (response: ServerResponse, error: unknown): void => {
    sendAnswer(response, resourceServer.challenge(error));
  };
  const guard = (request: IncomingMessage, response: ServerResponse, next: Next): void => {
    if (isPreflight(request)) {
      response.statusCode = 204;
      response.end();
      return;
    }
    try {
      const auth = ask(resourceRequest(request), requirements);
      const gone = isThenable(auth)
        ? auth.then((known) => admit(request, response, next, known))
        : admit(request, response, next, auth);
      if (isThenable(gone))
        gone.then(undefined, (error: unknown) => {
          refuse(response, error);
        });
    } catch (error) {
      refuse(response, error);
    }
  };
  return Object.assign(guard, { of: (request: IncomingMessage): A => admissions.of(request.rawHeaders) });
}

/**
 * Makes a handler for what the resource server publishes, such as `/jwks`; other paths go to `next`. Mount it unguarded.
 */
export function endpoints(
  resourceServer: Pick<ResourceServer<unknown>, 'endpoints' | 'challenge'>,
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  const published = new Map(resourceServer.endpoints.map((endpoint) => [endpoint.path, endpoint]));
  return (request, response, next) => {
    const endpoint = published.get((request.url ?? '').split('?', 1)[0] as string);
    if (endpoint === undefined) {
      next();
      return;
    }
    void publishedAnswer(resourceServer, endpoint, resourceRequest(request), nodeBody(request)).then(
      (answer) => {
        sendAnswer(response, answer);
      },
    );
  };
}
