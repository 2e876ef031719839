/**
 * The adapter for Fastify 5.
 *
 * @module oidc-resource-server/fastify
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { FastifyPluginAsync } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { atOnce } from '../at-once.ts';
import { isThenable } from '../awaitable.ts';
import type { Claims } from '../claims.ts';
import { isResourceServerError } from '../errors.ts';
import type {
  Answer,
  AuthenticationFor,
  RegisteredAuthentication,
  NoRequirements,
  Requirements,
  ResourceServer,
} from '../types.ts';
import { Admissions } from './admissions.ts';
import { nodeBody } from './node-body.ts';
import { isPreflight, resourceRequest } from './node-request.ts';
import { publishedAnswer } from './published-answer.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who makes the request, once a guard has let it in. A guard's `of` returns the same, typed by the route. */
    readonly auth?: RegisteredAuthentication | undefined;
  }
}

/** What a guard reads of Fastify's request, whatever its server and its type provider. */
export interface GuardedRequest {
  readonly raw: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders' | 'headers'>;
}

interface PublishedRequest extends GuardedRequest {
  readonly raw: IncomingMessage;
}

/** What a guard uses of Fastify's reply, whatever its server and its type provider. */
export interface GuardedReply {
  /** The status of the answer. */
  statusCode: number;
  /** Sends the answer. */
  send(payload?: unknown): unknown;
  /** Sets a header. */
  header(name: string, value: unknown): unknown;
  /** A header that has been set. */
  getHeader(name: string): unknown;
  /** Whether a header has been set. */
  hasHeader(name: string): boolean;
  /** Takes a header back. */
  removeHeader(name: string): unknown;
}

/** An `onRequest` hook that lets a request in, or throws what Fastify answers it with. */
export interface Guard<A> {
  /** With Fastify's `done`, who can be let in at once is; without it, it always returns a promise. */
  (request: GuardedRequest, reply: GuardedReply, done: () => void): Promise<unknown> | undefined;
  (request: GuardedRequest, reply: GuardedReply): Promise<unknown>;
  /**
   * Who makes the request: what this route requires decides the type.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: GuardedRequest): A;
}

/** What {@link resourceServerPlugin} takes. */
export interface ResourceServerPluginOptions {
  /** The very object that `authenticate` is given. */
  readonly resourceServer: Pick<ResourceServer<unknown>, 'endpoints' | 'challenge'>;
  /** The name at which the request holds who makes it. Default: `auth`. Another name is not typed. */
  readonly decoratorName?: string;
  /** What the paths of the published routes begin with, such as `/keys`. Default: nothing. */
  readonly prefix?: string;
}

// eslint-disable-next-line @typescript-eslint/require-await -- Fastify catches no throw of a plugin with a callback
const plugin: FastifyPluginAsync<ResourceServerPluginOptions> = async (fastify, options) => {
  const { resourceServer, decoratorName = 'auth', prefix = '' } = options;
  // A getter: a value would be shared by all requests, and nobody may put another one in its place. By resource server, so
  // that the decorators of two in one application never show each other's callers.
  fastify.decorateRequest(decoratorName, {
    getter() {
      return Admissions.last(this, resourceServer);
    },
  });
  for (const endpoint of resourceServer.endpoints) {
    const respond = async (request: PublishedRequest, reply: GuardedReply): Promise<unknown> => {
      const body = nodeBody(request.raw);
      const answer = await publishedAnswer(resourceServer, endpoint, resourceRequest(request.raw), body);
      setHead(reply, answer);
      // No payload for an empty body: Fastify would tell HEAD a Content-Length of 0.
      reply.send(answer.body === '' ? undefined : Buffer.from(answer.body));
      return reply;
    };
    // Before Fastify looks at the body, which could get an answer of its own: 415, where it must be 405. So the body is
    // still in the stream, whatever content types the application has parsers for.
    fastify.all(prefix + endpoint.path, { onRequest: respond }, () => undefined);
  }
};

/**
 * Gives every request of the scope `request.auth`, and publishes what the resource server publishes: `GET /jwks`.
 *
 * Register it where no hook guards the scope. It guards nothing itself, and a guard's `of` works without it.
 *
 * @see {@link https://fastify.dev/docs/latest/Reference/Plugins/ | Fastify: Plugins}
 */
export const resourceServerPlugin: FastifyPluginAsync<ResourceServerPluginOptions> = fastifyPlugin(plugin, {
  name: 'oidc-resource-server',
  fastify: '5.x',
});

/**
 * Makes an `onRequest` hook that lets in the requests that may come in: for one route, `{ onRequest: guard }`, or for
 * every route of a scope, `scope.addHook('onRequest', guard)`.
 *
 * A refusal is thrown, so that the application's error handler sees it: an `Error` with `statusCode`, `headers` and the
 * `code` of the error reference, and a message that may be shown to anybody. Status and headers are on the reply
 * already. Fastify's own error handler answers it with the problem of {@link ResourceServer.challenge}.
 *
 * A CORS preflight gets 204 and never reaches the handler. What a handler throws is left to Fastify.
 *
 * @example
 * {@includeCode ../../examples/fastify.ts}
 *
 * @param requirements What the route asks for, on top of the settings.
 * @see {@link https://fastify.dev/docs/latest/Reference/Hooks/ | Fastify: Hooks}
 */
export function authenticate<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: ResourceServer<U, C>,
  requirements?: R,
): Guard<AuthenticationFor<U, C, R>> {
  type A = AuthenticationFor<U, C, R>;
  const admissions = new Admissions<GuardedRequest, A>(resourceServer);
  const ask = atOnce(resourceServer);
  const admit = (request: GuardedRequest, reply: GuardedReply, auth: A): void => {
    admissions.add(request, auth);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'private');
  };
  const refusal = (reply: GuardedReply, error: unknown): Refusal =>
    refuse(reply, error, resourceServer.challenge(error));

  function guard(
    request: GuardedRequest,
    reply: GuardedReply,
    done: () => void,
  ): Promise<unknown> | undefined;
  function guard(request: GuardedRequest, reply: GuardedReply): Promise<unknown>;
  function guard(
    request: GuardedRequest,
    reply: GuardedReply,
    done?: () => void,
  ): Promise<unknown> | undefined {
    if (isPreflight(request.raw)) {
      reply.statusCode = 204;
      reply.send();
      return done === undefined ? Promise.resolve(reply) : undefined;
    }
    try {
      const auth = ask(resourceRequest(request.raw), requirements);
      if (isThenable(auth)) {
        return auth.then(
          (known) => {
            admit(request, reply, known);
          },
          (error: unknown) => {
            throw refusal(reply, error);
          },
        );
      }
      admit(request, reply, auth);
    } catch (error) {
      return Promise.reject(refusal(reply, error));
    }
    if (done === undefined) return Promise.resolve();
    // Outside: what comes after a guard is no refusal.
    done();
    return undefined;
  }
  return Object.assign(guard, { of: (request: GuardedRequest): A => admissions.of(request) });
}

function setHead(reply: GuardedReply, answer: Answer): void {
  reply.statusCode = answer.status;
  for (const name of Object.keys(answer.headers)) reply.header(name, answer.headers[name]);
}

/** What the hook throws. Not the error itself: its message and its cause are for the log of the resource server. */
class Refusal extends Error {
  readonly statusCode: number;
  readonly headers: Answer['headers'];
  readonly code: string | undefined;

  constructor(error: unknown, { status, headers }: Answer) {
    super(STATUS_CODES[status]);
    this.statusCode = status;
    this.headers = headers;
    if (!isResourceServerError(error)) return;
    this.name = error.name;
    this.code = error.code;
  }
}

function refuse(reply: GuardedReply, error: unknown, answer: Answer): Refusal {
  const refusal = new Refusal(error, answer);
  // Here, so that an error handler with a body of its own cannot forget the challenge.
  setHead(reply, answer);
  reply.removeHeader('content-type');

  // Fastify gives every Error a body of its own making. Once its error handler has taken over the headers of the
  // refusal, and only then, the body that belongs to them is sent in its place. It is a Buffer, which no serializer and
  // no response schema changes.
  const send = reply.send.bind(reply);
  reply.send = (payload) => {
    const isProblem = reply.getHeader('content-type') === answer.headers['content-type'];
    return send(payload === refusal && isProblem ? Buffer.from(answer.body) : payload);
  };
  return refusal;
}
