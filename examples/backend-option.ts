// A backend of your own, passed as an option: whatever OIDC_RS_BACKEND_CLASS says, it is used.
import type { AddressInfo } from 'node:net';
import express from 'express';
import {
  type Claims,
  type ClaimsUser,
  createResourceServer,
  InvalidTokenError,
  IntrospectionResourceServerBackend,
  type Requirements,
} from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

// #region backend
class VerifiedEmailBackend extends IntrospectionResourceServerBackend<ClaimsUser> {
  /** Only people whose e-mail address was verified come in. */
  override verifyClaims(claims: Claims, requirements: Requirements): void | Promise<void> {
    if (claims.email_verified !== true) {
      throw new InvalidTokenError('email_not_verified', 'The e-mail address of this person is not verified.');
    }
    return super.verifyClaims(claims, requirements);
  }
}

export const resourceServer = await createResourceServer({ backend: VerifiedEmailBackend });
// #endregion backend

const app = express();
app.use(resourceServerRouter(resourceServer));

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
