import type { Secrets } from './authorization-server-clients.ts';
import type { TestAuthorizationServerOptions } from './authorization-server-options.ts';
import type { Provider } from './quiet-provider.ts';

/** The secrets of all clients that have one, by `client_id`. */
export function secretsOf(
  own: Secrets,
  options: TestAuthorizationServerOptions,
): ReadonlyMap<string, string> {
  const others = Object.entries(options.clients ?? {}).flatMap(([id, client]) =>
    'secret' in client ? [[id, client.secret] as const] : [],
  );
  return new Map([...others, ...Object.entries(own)]);
}

/**
 * oidc-provider takes a client's secret by Basic and in the body alike, whichever of the two is registered. Servers
 * that take only the body's are met in the wild, so for clients that are registered so this one is such a server.
 */
export function refuseBasic(provider: Provider, { clients = {} }: TestAuthorizationServerOptions): Provider {
  const postClients = [
    'api-json-post',
    ...Object.keys(clients).filter((id) => clients[id]?.authentication === 'client_secret_post'),
  ];
  provider.use(async (ctx, next) => {
    const [scheme = '', credentials = ''] = ctx.get('authorization').split(' ');
    const basic = scheme.toLowerCase() === 'basic' && Buffer.from(credentials, 'base64').toString();
    if (!basic || !postClients.some((id) => basic.startsWith(`${encodeURIComponent(id)}:`))) {
      await next();
      return;
    }
    ctx.status = 401;
    ctx.body = { error: 'invalid_client', error_description: 'client authentication failed' };
  });
  return provider;
}

/** Posts a form to the server. @throws Error when it answers with an error */
export async function post(url: string, form: Record<string, string>): Promise<Response> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  if (response.ok) return response;
  throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}
