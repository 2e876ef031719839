/**
 * The adapter for Hono 4.
 *
 * @module oidc-resource-server/hono
 */
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Claims } from '../claims.ts';
import { isResourceServerError } from '../errors.ts';
import type {
  Answer,
  AuthenticationFor,
  NoRequirements,
  ReadBody,
  Requirements,
  ResourceServer,
} from '../types.ts';
import { Admissions } from './admissions.ts';
import { fetchBody } from './fetch-body.ts';
import { formText, within } from './form-text.ts';
import { fetchRequest, fetchResponse, isPreflight, privately } from './fetch-request.ts';
import { publishedAnswer } from './published-answer.ts';

/** Lets a request in or refuses it; a handler behind it finds who makes the request in `c.var.auth`. */
export interface Guard<A> extends MiddlewareHandler<{ Variables: { auth: A } }> {
  /**
   * Who makes the request: what this guard requires decides the type.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(c: Context): A;
}

/**
 * Makes middleware that calls the next handler for requests that may come in, and refuses all others.
 *
 * A refusal is an `HTTPException`, as Hono's own middleware throws it: unless the application's `onError` answers it in
 * another way, the caller gets the resource server's answer. Its `cause` is this package's error. A CORS preflight gets
 * 204 and never reaches the handler; put the application's `cors()` before the guard.
 *
 * Hono runs what was registered first: routes that stand before `app.use(guard)` are not guarded.
 *
 * @example
 * {@includeCode ../../examples/hono.ts}
 *
 * @param requirements What the route asks for, on top of the settings.
 * @see {@link https://hono.dev/docs/api/exception | Hono: HTTPException}
 */
export function authenticate<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
  requirements?: R,
): Guard<AuthenticationFor<U, C, R>> {
  type A = AuthenticationFor<U, C, R>;
  const admissions = new Admissions<Context, A>();

  const guard: MiddlewareHandler<{ Variables: { auth: A } }> = async (c, next) => {
    const { raw } = c.req;
    if (isPreflight(raw)) return c.body(null, 204);
    let auth: A;
    try {
      auth = await resourceServer.authenticate(fetchRequest(raw), requirements);
    } catch (error) {
      throw refusal(c, resourceServer.challenge(error), error);
    }
    admissions.add(c, auth);
    c.set('auth', auth);
    await next();
    const answer = privately(c.res);
    if (answer !== c.res) c.res = answer;
    return undefined;
  };
  return Object.assign(guard, { of: (c: Context): A => admissions.of(c) });
}

/**
 * Makes an application with what the resource server publishes: `GET /jwks`. Mount it before any guard:
 * `app.route('/', endpoints(resourceServer))`.
 */
export function endpoints(resourceServer: Pick<ResourceServer<unknown>, 'endpoints' | 'challenge'>): Hono {
  const app = new Hono();
  for (const endpoint of resourceServer.endpoints) {
    app.all(endpoint.path, async ({ req }) => {
      const { raw } = req;
      const readBody: ReadBody = (maxBytes) =>
        raw.bodyUsed ? keptBody(req, maxBytes) : fetchBody(raw)(maxBytes);
      return fetchResponse(await publishedAnswer(resourceServer, endpoint, fetchRequest(raw), readBody), raw);
    });
  }
  return app;
}

/** What the middleware of the application has read; Hono keeps it, in the form in which it was asked for. */
async function keptBody(req: Context['req'], maxBytes: number): Promise<string | undefined> {
  try {
    const form = await req.formData();
    return formText(Object.fromEntries([...form.keys()].map((name) => [name, form.getAll(name)])), maxBytes);
  } catch {
    // It was not asked for as a form.
  }
  const text = await req.text().catch(() => '');
  return within(text, maxBytes);
}

function refusal(c: Context, answer: Answer, error: unknown): HTTPException {
  // Hono adds the headers that are there already, and they would win: a cache must not be told to keep a refusal.
  for (const name of Object.keys(answer.headers)) c.header(name, undefined);
  return new HTTPException(answer.status as ContentfulStatusCode, {
    res: fetchResponse(answer, c.req.raw),
    // The message of any other error may hold a secret, and applications log what comes to onError.
    ...(isResourceServerError(error) && { cause: error }),
  });
}
