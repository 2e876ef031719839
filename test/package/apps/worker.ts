// A second program of the same application, which shares chunks with the API.
import { createResourceServer } from 'oidc-resource-server';
import './team-backend.ts';

void createResourceServer().then(async (resourceServer) => {
  const answer = resourceServer.challenge(new Error('no'));
  console.log(`A worker that answers ${String(answer.status)}`);
  await resourceServer.close();
});
