/**
 * The adapter for the Fetch API: a function from `Request` to `Response`, as Next.js, Bun, Deno and Workers take it.
 *
 * It needs nothing of Node.
 *
 * @module oidc-resource-server/fetch
 */
import type { Claims } from '../claims.ts';
import { isResourceServerError } from '../errors.ts';
import type { AuthenticationFor, Requirements, ResourceServer } from '../types.ts';
import { fetchBody } from './fetch-body.ts';
import { fetchRequest, fetchResponse, isPreflight, privately } from './fetch-request.ts';
import { publishedAnswer } from './published-answer.ts';

/** Serves a request that has been let in. What the framework passes after the request follows in `rest`. */
export type ProtectedHandler<A, Q extends Request = Request, Rest extends unknown[] = []> = (
  request: Q,
  auth: A,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * Wraps a handler: it gets the requests that may come in, with who makes them; all others are answered here.
 *
 * A CORS preflight gets 204 and never reaches the handler. The handler's answer gets `Cache-Control: private`, unless
 * the handler has set one. An error of this package that the handler throws is answered like a refusal. What else it
 * throws is thrown on: frameworks have their own use for it, such as `redirect()` and `notFound()` of Next.js.
 *
 * It does not route, and it does not read the body.
 *
 * @example
 * {@includeCode ../../examples/fetch.ts}
 *
 * @param requirements What the route asks for, on top of the settings; `{}` where it asks for nothing more.
 */
export function protect<
  U,
  C extends Claims,
  const R extends Requirements,
  Q extends Request = Request,
  Rest extends unknown[] = [],
>(
  resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
  requirements: R,
  handler: ProtectedHandler<AuthenticationFor<U, C, R>, Q, Rest>,
): (request: Q, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    if (isPreflight(request)) return new Response(null, { status: 204 });
    let auth: AuthenticationFor<U, C, R>;
    try {
      auth = await resourceServer.authenticate(fetchRequest(request), requirements);
    } catch (error) {
      return fetchResponse(resourceServer.challenge(error), request);
    }
    let response: Response;
    try {
      response = await handler(request, auth, ...rest);
    } catch (error) {
      if (!isResourceServerError(error)) throw error;
      return fetchResponse(resourceServer.challenge(error), request);
    }
    return privately(response);
  };
}

/**
 * Makes a handler for what the resource server publishes, such as `/jwks`. Put it in front, unguarded: for other paths it
 * returns `undefined`, at once.
 *
 * @param mountPath The path below which the endpoints stand, such as `/api`. Default: the root.
 */
export function endpoints(
  resourceServer: Pick<ResourceServer<unknown>, 'endpoints' | 'challenge'>,
  mountPath = '',
): (request: Request) => Promise<Response> | undefined {
  const prefix = mountPath.replace(/\/+$/, '');
  const published = new Map(resourceServer.endpoints.map((endpoint) => [prefix + endpoint.path, endpoint]));
  return (request) => {
    const asked = fetchRequest(request);
    const endpoint = published.get(asked.url.split('?', 1)[0] as string);
    if (endpoint === undefined) return undefined;
    return publishedAnswer(resourceServer, endpoint, asked, fetchBody(request)).then((answer) =>
      fetchResponse(answer, request),
    );
  };
}
