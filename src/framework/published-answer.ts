import type { Answer, Endpoint, ReadBody, ResourceRequest, ResourceServer } from '../types.ts';

/** What an endpoint answers, or what `challenge` makes of its failure. It never rejects. */
export async function publishedAnswer(
  resourceServer: Pick<ResourceServer<unknown>, 'challenge'>,
  endpoint: Endpoint,
  request: ResourceRequest,
  readBody: ReadBody,
): Promise<Answer> {
  try {
    return await endpoint.respond(request, readBody);
  } catch (error) {
    return resourceServer.challenge(error);
  }
}
