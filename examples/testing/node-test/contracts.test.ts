// The contracts, for an HTTP adapter and a sender constraint of your own.
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  type AccessToken,
  type Claims,
  FetchHttpAdapter,
  InvalidTokenError,
  type ResourceRequest,
  type SenderConstraint,
} from 'oidc-resource-server';
import { httpAdapterContract, senderConstraintContract } from 'oidc-resource-server/testing';

// #region http
// An adapter that can be told of a certificate authority takes it from the argument, and says nothing of `trustsCa`.
httpAdapterContract({ describe, it }, () => new FetchHttpAdapter(), { trustsCa: false });
// #endregion http

// #region constraint
/** For an API behind a proxy that does mutual TLS, sets this header, and removes it from what clients send. */
class ProxyCertificate implements SenderConstraint {
  readonly confirmation = 'x5t#S256';

  verify({ rawHeaders }: ResourceRequest, _token: AccessToken, { cnf }: Claims): Promise<void> {
    const sent = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'client-cert-thumbprint');
    const wanted = (cnf as Record<string, unknown> | null | undefined)?.['x5t#S256'];
    if (sent.length === 1 && sent[0] === wanted) return Promise.resolve();
    const message = 'The token is bound to another client certificate.';
    return Promise.reject(new InvalidTokenError('certificate', message));
  }
}

const headersOf = (token: AccessToken) => ['Authorization', `Bearer ${token.reveal()}`];
senderConstraintContract({ describe, it }, () => ({
  constraint: new ProxyCertificate(),
  newSender: () => {
    const confirmation = createHash('sha256').update(randomBytes(32)).digest('base64url');
    const request = (token: AccessToken) => {
      const rawHeaders = [...headersOf(token), 'Client-Cert-Thumbprint', confirmation];
      return Promise.resolve({ method: 'GET', url: '/', rawHeaders });
    };
    return Promise.resolve({ confirmation, request });
  },
  requestWithoutProof: (token) => ({ method: 'GET', url: '/', rawHeaders: headersOf(token) }),
  provesAnyToken: true, // a certificate is of the connection, not of a token
}));
// #endregion constraint
