/**
 * The adapter for tRPC 11.
 *
 * @module oidc-resource-server/trpc
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { TRPCError, type TRPCMiddlewareFunction } from '@trpc/server';
import type { Claims } from '../claims.ts';
import type { Answer, AuthenticationFor, NoRequirements, Requirements, ResourceServer } from '../types.ts';
import { fetchRequest } from './fetch-request.ts';
import { resourceRequest } from './node-request.ts';

/** The context that {@link createContext} makes. */
export interface AuthenticationContext {
  /**
   * Says who makes the request, or throws the refusal as a `TRPCError`. {@link authenticated} calls it; call it yourself
   * where what is asked for depends on the input.
   *
   * @param requirements What is asked for, on top of the settings.
   * @throws TRPCError when the request is refused; its message is the error code
   */
  authenticate<U, C extends Claims, const R extends Requirements = NoRequirements>(
    resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
    requirements?: R,
  ): Promise<AuthenticationFor<U, C, R>>;
}

/** What tRPC's adapters hand to `createContext`: those of Node, the Fetch adapter, and the WebSocket adapter. */
export type CreateContextOptions =
  | {
      readonly req: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders'>;
      readonly res: object;
    }
  | { readonly req: Pick<Request, 'method' | 'url' | 'headers'>; readonly resHeaders: Headers };

type Outcome<A> = { readonly auth: A } | { readonly answer: Answer };

/** What `next` of a tRPC middleware resolves to, after it has added `O` to the context. */
export type MiddlewareResult<O> = Awaited<
  ReturnType<TRPCMiddlewareFunction<object, object, object, O, unknown>>
>;

/** A tRPC middleware that adds `ctx.auth`. */
export type AuthenticatedMiddleware<A> = (options: {
  readonly ctx: AuthenticationContext;
  readonly next: <O>(options: { ctx: O }) => Promise<MiddlewareResult<O>>;
}) => Promise<MiddlewareResult<{ auth: A }>>;

/**
 * Is tRPC's `createContext`, or a part of it: spread the result into a larger context. It asks nobody yet;
 * {@link authenticated} does, for the procedures that want to know.
 *
 * Within one HTTP request the same requirements are asked about once, however many procedures of a batch have them. On a
 * WebSocket each call is asked about anew.
 *
 * @example
 * {@includeCode ../../examples/trpc.ts#trpc}
 *
 * @see {@link https://trpc.io/docs/server/context | Context} in tRPC's documentation
 */
export function createContext(options: CreateContextOptions): AuthenticationContext {
  const request = 'resHeaders' in options ? fetchRequest(options.req) : resourceRequest(options.req);
  const setHeader = headerSetter(options);
  const asked: { readonly by: readonly unknown[]; readonly outcome: Promise<Outcome<unknown>> }[] = [];

  const ask = async <U, C extends Claims>(
    resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
    requirements?: Requirements,
  ): Promise<Outcome<unknown>> => {
    try {
      return { auth: await resourceServer.authenticate(request, requirements) };
    } catch (error) {
      const answer = resourceServer.challenge(error);
      for (const [name, value] of Object.entries(answer.headers)) {
        // The body is tRPC's, and so is its type.
        if (name !== 'content-type') setHeader?.(name, typeof value === 'string' ? value : value.join(', '));
      }
      return { answer };
    }
  };
  const askOnce: typeof ask = (resourceServer, requirements) => {
    // Without headers to set it is a WebSocket, which may outlive the token.
    if (setHeader === undefined) return ask(resourceServer, requirements);
    const known = asked.find(({ by }) => by[0] === resourceServer && isDeepStrictEqual(by[1], requirements));
    if (known !== undefined) return known.outcome;
    const outcome = ask(resourceServer, requirements);
    asked.push({ by: [resourceServer, requirements], outcome });
    return outcome;
  };
  return {
    async authenticate<U, C extends Claims, const R extends Requirements = NoRequirements>(
      resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
      requirements?: R,
    ) {
      const outcome = await askOnce(resourceServer, requirements);
      // Each call gets an error of its own: tRPC writes on it.
      if ('answer' in outcome) throw refusal(outcome.answer);
      // Equal requirements were asked of this resource server, so the type is theirs.
      return outcome.auth as AuthenticationFor<U, C, R>;
    },
  };
}

/**
 * Makes a middleware for a procedure: it adds `ctx.auth`, which says who makes the request, or refuses the call.
 *
 * A refusal is a `TRPCError` whose message is the error code. Its HTTP status follows from its code; the challenge and
 * `Cache-Control: no-store` are set on the answer, unless its headers have been sent already, as in a stream.
 *
 * It refuses this call alone. Other calls of the batch are answered by what their own procedures ask.
 *
 * @example
 * {@includeCode ../../examples/trpc.ts#trpc}
 *
 * @param requirements What the procedure asks for, on top of the settings.
 * @see {@link https://trpc.io/docs/server/middlewares | Middlewares} in tRPC's documentation
 */
export function authenticated<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
  requirements?: R,
): AuthenticatedMiddleware<AuthenticationFor<U, C, R>> {
  return async ({ ctx, next }) => {
    const auth = await ctx.authenticate(resourceServer, requirements);
    return next({ ctx: { auth } });
  };
}

function headerSetter(options: CreateContextOptions): ((name: string, value: string) => void) | undefined {
  if ('resHeaders' in options) {
    return (name, value) => {
      options.resHeaders.set(name, value);
    };
  }
  const { res } = options;
  if (!isNodeResponse(res)) return undefined;
  return (name, value) => {
    if (!res.headersSent) res.setHeader(name, value);
  };
}

function isNodeResponse(response: object): response is Pick<ServerResponse, 'headersSent' | 'setHeader'> {
  return 'setHeader' in response;
}

const CODES: Readonly<Record<number, TRPCError['code']>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  503: 'SERVICE_UNAVAILABLE',
};

function refusal({ status, body }: Answer): TRPCError {
  const { error: message } = JSON.parse(body) as { readonly error: string };
  const error = new TRPCError({ code: CODES[status] ?? 'INTERNAL_SERVER_ERROR', message });
  // tRPC sends the stack of an error to the caller wherever NODE_ENV is not `production`.
  error.stack = `${error.name}: ${message}`;
  return error;
}
