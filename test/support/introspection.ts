import type { TestAuthorizationServer } from './authorization-server.ts';

export interface IntrospectionRequest {
  /** Default: `json`. */
  readonly api?: 'json' | 'json-post' | 'jwt';
  /** Default: what the API asks for, JSON or (`jwt`) a signed answer. */
  readonly accept?: string;
  /** Headers that win over those of the client authentication. */
  readonly headers?: Record<string, string>;
}

export interface IntrospectionAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  /** The body where it is JSON. */
  readonly json: unknown;
}

/** Asks the server about a token as one of its APIs, without this package: what comes back is the server's own word. */
export async function introspect(
  server: TestAuthorizationServer,
  token: string,
  { api = 'json', accept, headers }: IntrospectionRequest = {},
): Promise<IntrospectionAnswer> {
  const { OIDC_RS_CLIENT_ID: id = '', OIDC_RS_CLIENT_SECRET: secret = '' } = server.settingsFor(api);
  const form = new URLSearchParams({ token });
  if (api === 'json-post') {
    form.set('client_id', id);
    form.set('client_secret', secret);
  }
  const response = await fetch(server.endpoints.introspection, {
    method: 'POST',
    headers: {
      accept: accept ?? (api === 'jwt' ? 'application/token-introspection+jwt' : 'application/json'),
      ...(api !== 'json-post' && basic(id, secret)),
      ...headers,
    },
    body: form,
  });
  const type = response.headers.get('content-type');
  const text = await response.text();
  const json: unknown = type?.startsWith('application/json') ? JSON.parse(text) : undefined;
  return { status: response.status, type, text, json };
}

/** HTTP Basic as OAuth wants it: both halves form-urlencoded first (RFC 6749 section 2.3.1). */
export function basic(clientId: string, secret: string): { authorization: string } {
  const pair = [clientId, secret].map(encodeURIComponent).join(':');
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
