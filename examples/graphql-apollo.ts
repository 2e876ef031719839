// A GraphQL API with Apollo Server: anybody may ask, and fields say what they need.
import type { AddressInfo } from 'node:net';
import { ApolloServer, HeaderMap } from '@apollo/server';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { resourceServerRouter } from 'oidc-resource-server/express';
import { authenticationContext, requireScopes } from 'oidc-resource-server/graphql';

export const resourceServer = await createResourceServer();

// #region resolvers
const context = authenticationContext(resourceServer, { optional: true });
type Context = Awaited<ReturnType<typeof context>>;

const typeDefs = 'type Query { hello: String! me: User } type User { subject: ID! email: String }';
const resolvers = {
  Query: {
    hello: (_parent: unknown, _arguments: unknown, { auth }: Context) =>
      `Hello, ${auth?.user.subject ?? 'stranger'}`,
    me: (_parent: unknown, _arguments: unknown, { auth }: Context) => requireScopes(auth, ['groups']).user,
  },
};
const apollo = new ApolloServer<Context>({ typeDefs, resolvers });
// #endregion resolvers
await apollo.start();

const app = express();
app.use(resourceServerRouter(resourceServer)); // GET /jwks, open to everybody

// What `expressMiddleware(apollo, { context })` of @as-integrations/express5 does, without what it does for streams.
app.all('/graphql', express.json(), async (request, response) => {
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  const answer = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: request.method,
      headers: new HeaderMap(headers),
      search: new URL(request.originalUrl, 'http://localhost').search,
      body: request.body as unknown,
    },
    context: () => context({ req: request }),
  });
  response.status(answer.status ?? 200).setHeaders(answer.headers);
  response.end(answer.body.kind === 'complete' ? answer.body.string : undefined);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
