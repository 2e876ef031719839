import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { createSchema, createYoga } from 'graphql-yoga';
import type { ClaimsUser, Requirements, ResourceServer } from 'oidc-resource-server';
import { endpoints as fetchEndpoints } from 'oidc-resource-server/fetch';
import { authenticationContext } from 'oidc-resource-server/graphql';
import { endpoints } from 'oidc-resource-server/node';
import { serveFetch } from './fetch-contract.ts';
import type { OwnWays, StartApplication } from './framework-contract.ts';
import { close, listen } from './ws-contract.ts';

/** The contexts of all routes, seen together: a client has no user, and nobody has neither. */
interface Context {
  readonly auth: { readonly user: ClaimsUser | undefined; readonly client: string | undefined } | undefined;
}

export const typeDefs = 'type Query { subject: String client: String }';
export const resolvers = {
  Query: {
    subject: (_parent: unknown, _arguments: unknown, { auth }: Context) => auth?.user?.subject ?? null,
    client: (_parent: unknown, _arguments: unknown, { auth }: Context) => auth?.client ?? null,
  },
};

/** What each route of the framework contract requires, and the operation that it is. */
const ROUTES: Readonly<Record<string, [requirements: Requirements, operation: string]>> = {
  '/me': [{ scopes: ['groups'] }, '{subject}'],
  '/optional': [{ optional: true }, '{subject}'],
  '/client': [{ clients: true }, '{client,subject}'],
  '/all': [{}, '{subject}'],
};

/** Adds the operation of a route to its URL, and leaves the rest of the query as it is. */
function withOperation(url: string, operation: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}query=${operation}`;
}

function pathOf(url = ''): string {
  return url.split('?', 1)[0] ?? '';
}

export const GRAPHQL_WAYS: OwnWays = {
  errorCode: (body) => {
    const { errors } = JSON.parse(body) as { errors: { extensions: Record<string, unknown> }[] };
    const { code, ...rest } = errors[0]?.extensions ?? {};
    return errors.length === 1 && !('http' in rest) ? code : body;
  },
  answer: (body) => (JSON.parse(body) as { data: unknown }).data,
  without: [
    // GraphQL over HTTP knows GET and POST.
    'head',
    // What may be cached is a question of the schema; the GraphQL server answers it.
    'caching',
    // CORS belongs to the GraphQL server, or stands in front of it.
    'preflights',
    // What a resolver throws becomes an error of its field, in a 200, and the application decides what it says.
    'handler errors',
    // A GraphQL API has one path.
    'nested',
  ],
};

/** The application of the framework contract, on Apollo Server, as its integrations for node:http do it. */
export const startApollo: StartApplication = async (resourceServer) => {
  const apollo = new ApolloServer<Context>({
    typeDefs,
    resolvers,
    // The requests of the suite are plain ones, which a browser would send without a preflight.
    csrfPrevention: false,
    // As in development, where stacks are sent to the caller.
    includeStacktraceInErrorResponses: true,
  });
  await apollo.start();
  const contexts = new Map(
    Object.entries(ROUTES).map(([path, [requirements]]) => [
      path,
      authenticationContext(resourceServer, requirements),
    ]),
  );
  const respond = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = pathOf(req.url);
    const [, operation] = ROUTES[path] ?? [];
    const context = contexts.get(path);
    if (operation === undefined || context === undefined) {
      res.writeHead(404).end();
      return;
    }
    await text(req);
    const headers = Object.entries(req.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const { method = '' } = req;
    const answer = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method,
        headers: new HeaderMap(headers),
        search: new URL(withOperation(req.url ?? '', operation), 'http://a').search,
        body: method === 'POST' ? { query: operation } : undefined,
      },
      context: () => context({ req }),
    });
    res.statusCode = answer.status ?? 200;
    res.setHeaders(answer.headers);
    res.end(answer.body.kind === 'complete' ? answer.body.string : '');
  };
  const published = endpoints(resourceServer);
  const server = createServer((req, res) => {
    published(req, res, () => respond(req, res));
  });
  const port = await listen(server);
  return { origin: `http://127.0.0.1:${String(port)}`, close: () => close(server) };
};

function yogas(resourceServer: ResourceServer<ClaimsUser>) {
  return new Map(
    Object.entries(ROUTES).map(([path, [requirements, operation]]) => {
      const context = authenticationContext(resourceServer, requirements);
      const schema = createSchema<Awaited<ReturnType<typeof context>>>({ typeDefs, resolvers });
      const yoga = createYoga({ schema, context, graphqlEndpoint: path, logging: false });
      return [path, { yoga, operation }];
    }),
  );
}

/** The same on GraphQL Yoga, as a listener of node:http. */
export const startYoga: StartApplication = async (resourceServer) => {
  const published = endpoints(resourceServer);
  const routes = yogas(resourceServer);
  const server = createServer((request, response) => {
    published(request, response, () => {
      const route = routes.get(pathOf(request.url));
      if (route === undefined) return response.writeHead(404).end();
      request.url = withOperation(request.url ?? '', route.operation);
      return route.yoga(request, response);
    });
  });
  const port = await listen(server);
  return { origin: `http://127.0.0.1:${String(port)}`, close: () => close(server) };
};

/** The same on GraphQL Yoga, as a function of the Fetch API. */
export const startYogaFetch: StartApplication = (resourceServer) => {
  const published = fetchEndpoints(resourceServer);
  const routes = yogas(resourceServer);
  return serveFetch((request) => {
    const answer = published(request);
    if (answer !== undefined) return answer;
    const route = routes.get(new URL(request.url).pathname);
    if (route === undefined) return new Response(null, { status: 404 });
    const { method, headers } = request;
    return route.yoga.fetch(new Request(withOperation(request.url, route.operation), { method, headers }));
  });
};
