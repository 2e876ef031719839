// Who is measured, on which path, and in which framework. Each is the module of its name in this folder.
import { SQLITE } from './database.mjs';

/** The frameworks, by the names that readers know. */
export const FRAMEWORKS = { express: 'Express 5', fastify: 'Fastify 5', node: 'node:http' };

/** The paths that a request can take, in the order of the columns. */
export const MODES = {
  cached: 'cached',
  json: 'JSON (RFC 7662)',
  jwt: 'signed and encrypted (RFC 9701)',
};

const INTROSPECTING = ['json', 'jwt'];

/**
 * `modes`: what it can do; `frameworks`: where, all by default; `takesJwts`: it gets JWTs instead of opaque tokens, and
 * verifies them itself: it asks nobody, and cannot know of a revocation.
 */
export const CONTESTANTS = {
  bare: { title: 'no authentication', modes: [] },
  'hand-written': { title: 'hand-written, undici and node:crypto', modes: ['cached', ...INTROSPECTING] },
  ours: { title: 'oidc-resource-server', modes: ['cached', ...INTROSPECTING] },
  'hand-written-sqlite': {
    title: `hand-written, users by ${SQLITE}`,
    modes: ['cached'],
    frameworks: ['express'],
  },
  'ours-sqlite': {
    title: `oidc-resource-server, KyselyUserStore on ${SQLITE}`,
    modes: ['cached'],
    frameworks: ['express'],
  },
  'fastify-jwt': {
    title: '@fastify/jwt with its token cache, local JWT',
    modes: ['cached'],
    frameworks: ['fastify'],
    takesJwts: true,
  },
  'express-oauth2-jwt-bearer': {
    title: 'express-oauth2-jwt-bearer, local JWT (it has no token cache)',
    modes: ['cached'],
    frameworks: ['express'],
    takesJwts: true,
  },
  passport: { title: 'passport-http-bearer and oauth4webapi', modes: INTROSPECTING },
  'openid-client': { title: 'openid-client', modes: INTROSPECTING },
};

/** All that run in one framework, the bare one first. */
export function contestantsOf(framework) {
  const all = Object.entries(CONTESTANTS).flatMap(([contestant, { modes, frameworks, takesJwts = false }]) =>
    frameworks !== undefined && !frameworks.includes(framework)
      ? []
      : modes.map((mode) => ({ framework, contestant, mode, takesJwts })),
  );
  return [{ framework, contestant: 'bare', mode: 'none', takesJwts: false }, ...all];
}
