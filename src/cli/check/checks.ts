import { answer } from './answer.ts';
import { cache } from './cache.ts';
import type { Check } from './check.ts';
import { clock } from './clock.ts';
import { credentials } from './credentials.ts';
import { discovery } from './discovery.ts';
import { endpoints } from './endpoints.ts';
import { ourKey, publishedJwks, signingKeys } from './keys.ts';
import { audience, settings } from './settings.ts';
import { users } from './users.ts';

/** What `oidc-rs check` looks at, in this order. */
export const CHECKS: readonly Check[] = [
  settings,
  audience,
  discovery,
  endpoints,
  ourKey,
  signingKeys,
  credentials,
  answer,
  publishedJwks,
  clock,
  cache,
  users,
];
