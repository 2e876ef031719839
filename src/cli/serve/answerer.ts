import { extractAccessToken } from '../../authentication/token-extractor.ts';
import { isIdentifier, ownClaim } from '../../claims.ts';
import { isResourceServerError, UnavailableError } from '../../errors.ts';
import { publishedAnswer } from '../../framework/published-answer.ts';
import type {
  Answer,
  Endpoint,
  ReadBody,
  Requirements,
  ResourceRequest,
  ResourceServer,
} from '../../types.ts';
import { BAD_PATH, json, NOT_ALLOWED, NOT_FOUND, UNKNOWN_POLICY } from './answers.ts';
import { type HeaderNames, type Identity, identityHeaders, NOBODY } from './identity-headers.ts';
import type { Policies } from './policies.ts';
import type { Readiness } from './readiness.ts';
import { readTarget } from './target.ts';

/** An answer, and what the log says of it. Nothing in `log` is as the caller wrote it, except a `client_id`. */
export interface Answered {
  readonly answer: Answer;
  /** Which of our own paths was asked: `/auth`, `/policy/<name>`, … `undefined` where it was none. */
  readonly route: string | undefined;
  readonly log?: { readonly reason?: string; readonly token_ref?: string; readonly client_id?: string };
}

/** What answers are made of. */
export interface AnswererOptions {
  readonly resourceServer: Pick<ResourceServer<unknown>, 'authenticate' | 'challenge' | 'endpoints'>;
  readonly policies: Policies;
  readonly headerNames: HeaderNames;
  /** Whether e-mail addresses that nobody has verified are handed on, too. */
  readonly unverifiedEmail: boolean;
  readonly readiness: () => Promise<Readiness>;
}

const NO_REQUIREMENTS: Requirements = Object.freeze({});

/**
 * Answers a request; `draining` says that the server takes no new ones. Only what is published reads a body, and begins to
 * before it awaits anything. It never rejects.
 */
export type AnswerRequest = (
  request: ResourceRequest,
  draining: boolean,
  readBody: ReadBody,
) => Promise<Answered>;

/** Makes the function that answers requests. */
export function createAnswerer(options: AnswererOptions): AnswerRequest {
  const { resourceServer, policies } = options;
  const routes = new Map([...policies].map(([name, wanted]) => [name, { route: `/policy/${name}`, wanted }]));
  const pages = pagesOf(options);

  // The method does not matter where a token is asked for: some proxies ask by that of their caller. A CORS preflight is
  // no exception (R7): whatever is answered by 2xx reaches the API, and any OPTIONS request could be made to look like one.
  return async (request, draining, readBody) => {
    const target = readTarget(request.url);
    switch (target.kind) {
      case 'auth':
        return decide(options, request, { route: '/auth', wanted: NO_REQUIREMENTS }, draining);
      case 'policy': {
        const policy = routes.get(target.name);
        if (policy !== undefined) return decide(options, request, policy, draining);
        return { answer: UNKNOWN_POLICY, route: undefined, log: { reason: 'unknown_policy' } };
      }
      case 'path': {
        const page = pages.get(target.path);
        if (page === undefined) return { answer: NOT_FOUND, route: undefined, log: { reason: 'not_found' } };
        const answer = await publishedAnswer(resourceServer, page(draining), request, readBody);
        return { answer, route: target.path };
      }
      case 'refused':
        return { answer: BAD_PATH, route: undefined, log: { reason: 'bad_path' } };
    }
  };
}

type Page = (draining: boolean) => Endpoint;

/** What is open to anybody, by its whole path. */
function pagesOf({ resourceServer, readiness }: AnswererOptions): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>(
    resourceServer.endpoints.map((endpoint) => [endpoint.path, () => endpoint]),
  );
  const page = (path: string, look: (draining: boolean) => Answer | Promise<Answer>): void => {
    pages.set(path, (draining) => ({
      path,
      respond: ({ method }) => (method === 'GET' || method === 'HEAD' ? look(draining) : NOT_ALLOWED),
    }));
  };
  const alive = json(200, { status: 'alive' });
  const leaving = json(503, { status: 'draining', checks: [] } satisfies Readiness);
  page('/healthz', () => alive);
  page('/readyz', async (draining) => {
    if (draining) return leaving;
    const found = await readiness();
    return json(found.status === 'ready' ? 200 : 503, found);
  });
  return pages;
}

async function decide(
  { resourceServer, headerNames, unverifiedEmail }: AnswererOptions,
  request: ResourceRequest,
  { route, wanted }: { readonly route: string; readonly wanted: Requirements },
  draining: boolean,
): Promise<Answered> {
  try {
    if (draining) throw new UnavailableError('ERR_CLOSED');
    const auth = await resourceServer.authenticate(request, wanted);
    if (auth === undefined) return { answer: letIn(headerNames, NOBODY), route };
    const client = ownClaim(auth.claims, 'client_id');
    return {
      answer: letIn(headerNames, identityHeaders(auth, unverifiedEmail)),
      route,
      log: { token_ref: auth.token.reference, ...(isIdentifier(client) && { client_id: client }) },
    };
  } catch (error) {
    const log = { reason: reasonOf(error), ...tokenReference(request) };
    return { answer: resourceServer.challenge(error), route, log };
  }
}

/** Every header, whatever is known: a proxy that copies what is there would leave the caller's own where one is missing. */
function letIn(names: HeaderNames, identity: Identity): Answer {
  return {
    status: 200,
    headers: {
      [names.subject]: identity.subject,
      [names['user-id']]: identity['user-id'],
      [names.email]: identity.email,
      [names.audience]: identity.audience,
      [names.scopes]: identity.scopes,
      // nginx can be told to keep the answers to its questions.
      'cache-control': 'no-store',
    },
    body: '',
  };
}

function reasonOf(error: unknown): string {
  if (!isResourceServerError(error)) return 'unforeseen';
  const { code, reason } = error as { code: string; reason?: unknown };
  return typeof reason === 'string' ? reason.slice(0, 64) : code;
}

function tokenReference(request: ResourceRequest): { token_ref?: string } {
  try {
    const token = extractAccessToken(request, ['Bearer', 'DPoP']);
    return token === undefined ? {} : { token_ref: token.reference };
  } catch {
    return {};
  }
}
