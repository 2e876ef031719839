/**
 * The adapter for GraphQL servers: Apollo Server, GraphQL Yoga, and others that make a context for each operation.
 *
 * @module oidc-resource-server/graphql
 */
import type { IncomingMessage } from 'node:http';
import { GraphQLError } from 'graphql';
import type { Claims } from '../claims.ts';
import type { Answer, AuthenticationFor, NoRequirements, Requirements, ResourceServer } from '../types.ts';
import { fetchRequest } from './fetch-request.ts';
import { isNodeRequest, resourceRequest } from './node-request.ts';

/** What GraphQL servers hand to a context function: `req` of `node:http`, or `request` of the Fetch API, or both. */
export type ContextArgument =
  | { readonly req: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders'> }
  | { readonly request: Pick<Request, 'method' | 'url' | 'headers'>; readonly req?: unknown };

/**
 * Makes a context function: it says who makes the request, as `auth`, before any field is resolved.
 *
 * A refusal is thrown as a `GraphQLError`. Apollo Server and GraphQL Yoga turn it into the status and the challenge that
 * every other framework answers; `extensions.code` is the error code. Spread the result into a larger context.
 *
 * It does not look at the operation: see {@link requireScopes} for what single fields ask. The operations of one batch
 * share one authentication.
 *
 * @example
 * {@includeCode ../../examples/graphql-yoga.ts#yoga}
 *
 * @param requirements What every operation asks for, on top of the settings.
 */
export function authenticationContext<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
  requirements?: R,
): (argument: ContextArgument) => Promise<{ auth: AuthenticationFor<U, C, R> }> {
  type Context = { auth: AuthenticationFor<U, C, R> };
  const batches = new WeakMap<object, Promise<Context>>();

  const authenticate = async (argument: ContextArgument): Promise<Context> => {
    try {
      // `req` first: in rawHeaders, a header that was sent twice is there twice.
      const request = isNodeRequest(argument.req)
        ? resourceRequest(argument.req)
        : fetchRequest((argument as { readonly request: Request }).request);
      return { auth: await resourceServer.authenticate(request, requirements) };
    } catch (error) {
      throw refusal(resourceServer.challenge(error));
    }
  };

  return (argument) => {
    // A `req` alone may be the upgrade of a WebSocket, which lives long: each of its operations is asked about anew.
    const request: unknown = 'request' in argument ? argument.request : undefined;
    if (typeof request !== 'object' || request === null) return authenticate(argument);
    const context = batches.get(request) ?? authenticate(argument);
    batches.set(request, context);
    return context;
  };
}

/**
 * Lets a field in only for tokens with all of these scopes, and returns who makes the request, for the resolver to use.
 *
 * The refusal is a `GraphQLError` for this field alone, with the code `unauthenticated` or `insufficient_scope`. It has no
 * HTTP status and no challenge: other fields of the operation may well have been answered.
 *
 * It compares `auth.scopes`; it does not ask the authorization server again, and calls no hook.
 *
 * @example
 * {@includeCode ../../examples/graphql-apollo.ts#resolvers}
 *
 * @throws GraphQLError when nobody is known, or a scope is missing
 */
export function requireScopes<A extends { readonly scopes: readonly string[] }>(
  auth: A | undefined,
  scopes: readonly string[],
): A {
  if (auth === undefined) throw withoutStack('Unauthorized', { code: 'unauthenticated' });
  if (!scopes.every((scope) => auth.scopes.includes(scope))) {
    throw withoutStack('Forbidden', { code: 'insufficient_scope', scopes });
  }
  return auth;
}

function refusal({ status, headers, body }: Answer): GraphQLError {
  const { title, error } = JSON.parse(body) as { readonly title: string; readonly error: string };
  const sent = Object.entries(headers)
    // The body is the GraphQL server's, and so is its type.
    .filter(([name]) => name !== 'content-type')
    .map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : value.join(', ')]);
  // Apollo Server wants a Map and GraphQL Yoga copies own properties: this is both.
  const http = { status, headers: Object.assign(new Map(sent), Object.fromEntries(sent)) };
  return withoutStack(title, { code: error, http });
}

/** Apollo Server sends the stack of an error to the caller wherever NODE_ENV is not `production`. */
function withoutStack(message: string, extensions: Readonly<Record<string, unknown>>): GraphQLError {
  const error = new GraphQLError(message, { extensions });
  error.stack = `${error.name}: ${message}`;
  return error;
}
