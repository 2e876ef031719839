// An application names its user once. A program of its own, since this changes the types of the whole program.
import type { Request } from 'express';
import type { Authentication } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/express';
import { expectTypeOf } from 'vitest';

interface TeamUser {
  readonly id: number;
}

declare module 'oidc-resource-server' {
  interface Register {
    user: TeamUser;
  }
}

export function handler(request: Request): TeamUser | undefined {
  expectTypeOf(request.auth).toEqualTypeOf<Authentication<TeamUser> | undefined>();
  return request.auth?.user;
}
expectTypeOf(authenticate).toBeFunction();
