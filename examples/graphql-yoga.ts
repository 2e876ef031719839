// The same API with GraphQL Yoga, for which every operation needs the scope.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSchema, createYoga } from 'graphql-yoga';
import { createResourceServer } from 'oidc-resource-server';
import { authenticationContext } from 'oidc-resource-server/graphql';
import { endpoints } from 'oidc-resource-server/node';

export const resourceServer = await createResourceServer();

// #region yoga
const context = authenticationContext(resourceServer, { scopes: ['groups'] });

const schema = createSchema<Awaited<ReturnType<typeof context>>>({
  typeDefs: 'type Query { me: User } type User { subject: ID! email: String }',
  resolvers: { Query: { me: (_parent, _arguments, { auth }) => auth.user } },
});
const yoga = createYoga({ schema, context });
// #endregion yoga

const published = endpoints(resourceServer);
export const server = createServer((request, response) => {
  published(request, response, () => yoga(request, response));
});
server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
