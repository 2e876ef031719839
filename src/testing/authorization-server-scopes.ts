import type { TestAuthorizationServerOptions } from './authorization-server-options.ts';

/** The scopes that the server knows. */
export function scopesOf({ scopes = [] }: TestAuthorizationServerOptions): string[] {
  return ['openid', 'email', 'profile', 'groups', 'offline_access', ...scopes];
}

/** What the provider says of a resource. Every URI is one, and every scope is one of it. */
export function resourceServerInfo(resource: string, options: TestAuthorizationServerOptions) {
  return {
    audience: resource,
    scope: scopesOf(options).join(' '),
    accessTokenFormat: options.accessTokenFormat ?? 'opaque',
    // What most libraries that verify access tokens expect.
    jwt: { sign: { alg: 'RS256' as const } },
  };
}
