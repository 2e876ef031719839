import type { Claims } from './claims.ts';
import type { AccessToken } from './secret.ts';

/** What the resource server reads of a request. Framework adapters make it; nothing else of HTTP goes further in. */
export interface ResourceRequest {
  /** The HTTP method, in capitals. */
  readonly method: string;
  /** The request target as it was sent: path and query, before any router has cut a prefix off. */
  readonly url: string;
  /** Header names and values in turn, as sent: a header that was sent twice is there twice. */
  readonly rawHeaders: readonly string[];
}

/** What a route asks of a token, on top of the settings. */
export interface Requirements {
  /** Scopes that must all be there. */
  readonly scopes?: readonly string[];
  /** Scopes of which one must be there. */
  readonly anyScope?: readonly string[];
  /** Lets clients in that act for themselves (client credentials). Default: only persons. */
  readonly clients?: true;
  /** Lets requests without credentials through, as `undefined`. Bad credentials are refused all the same. */
  readonly optional?: true;
}

/** The requirements of a route that says nothing: the narrowest type there is. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the only type that asks for nothing
export type NoRequirements = {};

interface AuthenticationBase<C extends Claims> {
  /** What the authorization server said about the token, deeply frozen. */
  readonly claims: C;
  /** The access token; prints as `[secret]`. */
  readonly token: AccessToken;
  /** The caller behind the token: the value of the claim that `OIDC_RS_AUDIENCE_CLAIM` names. */
  readonly audience: string;
  /** The token's scopes. */
  readonly scopes: readonly string[];
}

/** A person is behind the token. */
export interface UserAuthentication<U, C extends Claims = Claims> extends AuthenticationBase<C> {
  /** The local user, as the backend found or made it. */
  readonly user: U;
  readonly client: undefined;
}

/** A client acts for itself; there is no person behind the token. */
export interface ClientAuthentication<C extends Claims = Claims> extends AuthenticationBase<C> {
  readonly user: undefined;
  /** The `client_id` of the caller. */
  readonly client: string;
}

/** Who makes the request. Frozen; the `user` in it is the store's own object and is not. */
export type Authentication<U, C extends Claims = Claims> = UserAuthentication<U, C> | ClientAuthentication<C>;

type Asked<R, K extends string, T> = R extends unknown
  ? K extends keyof R
    ? true extends R[K]
      ? T
      : never
    : never
  : never;

/** What a route gets, by what it requires: `clients` adds the client, `optional` adds `undefined`. */
export type AuthenticationFor<U, C extends Claims, R> =
  UserAuthentication<U, C> | Asked<R, 'clients', ClientAuthentication<C>> | Asked<R, 'optional', undefined>;

/** An HTTP answer, the same in every framework. Frozen and shared: do not change it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/**
 * Reads the body of a request to an endpoint as text. Nothing is read before it is called; call it once, and before
 * anything is awaited.
 *
 * A form that a body parser of the application has taken apart already comes as a form again. It never rejects: the text
 * is empty where there is no body, where the caller hung up, or where somebody else has read it and kept nothing;
 * `undefined` where it has more bytes than `maxBytes`.
 */
export type ReadBody = (maxBytes: number) => Promise<string | undefined>;

/** A route that the resource server publishes, such as its JWK Set at `/jwks`. */
export interface Endpoint {
  /** The path, beginning with a slash, below wherever the application mounts it. */
  readonly path: string;
  /**
   * Answers a request to this path, whatever its method.
   *
   * @param readBody What reads the body; endpoints that take none never call it. Framework adapters always give it.
   */
  respond(request: ResourceRequest, readBody?: ReadBody): Answer | Promise<Answer>;
}

/** What is revoked: one token, or whatever belongs to a subject, a session (`sid`) or a client. */
export type RevocationTarget =
  | { readonly token: string }
  | { readonly sub: string }
  | { readonly sid: string }
  | { readonly client_id: string };

/** What an application holds: made once by `createResourceServer`, asked for every request. */
export interface ResourceServer<U, C extends Claims = Claims> {
  /**
   * Says who makes the request, or throws what {@link ResourceServer.challenge} turns into the answer.
   *
   * Framework adapters call it; call it yourself where no adapter fits.
   *
   * @throws ChallengeError when the request is refused for what it brought
   * @throws AuthorizationServerError when the authorization server cannot be asked or believed
   * @throws UserStoreError when the user store fails
   * @throws UnavailableError when the resource server is switched off or closed
   */
  authenticate<const R extends Requirements = NoRequirements>(
    request: ResourceRequest,
    requirements?: R,
  ): Promise<AuthenticationFor<U, C, R>>;
  /**
   * Makes everything unusable that was learnt before now about a token, a subject, a session or a client, so that the
   * authorization server is asked anew: here at once, and in all processes that share a store within a second.
   *
   * Call it when somebody is logged out, disabled or robbed. Whether a token is revoked is up to the authorization server:
   * a token that it still calls active is let in again. Without a cache there is nothing to do.
   *
   * @throws Error when the shared store could not be told; call it again then
   */
  revoke(target: RevocationTarget): Promise<void>;
  /** The answer for an error of `authenticate`, or 500 without detail for any other. It never throws. */
  challenge(error: unknown): Answer;
  /** What this resource server publishes; mount them unguarded. */
  readonly endpoints: readonly Endpoint[];
  /** Lets requests in flight finish, refuses new ones with 503, and closes the connections to the authorization server. */
  close(): Promise<void>;
}

/**
 * Names the application's own types once, so that `request.auth` is typed everywhere.
 *
 * Augment it with `user` (and `claims`):
 * `declare module 'oidc-resource-server' { interface Register { user: TeamUser } }`
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an application fills it by augmentation
export interface Register {}

/** The type of `request.auth`, by {@link Register}; `unknown` users until an application registers its own. */
export type RegisteredAuthentication = Authentication<
  Register extends { user: infer U } ? U : unknown,
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-arguments -- an augmented Register decides
  Register extends { claims: infer C extends Claims } ? C : Claims
>;

/** Where events go, in the shape of pino: fields first, then a sentence. Fields never hold a token, a secret or a key. */
export interface Logger {
  /** What only helps while looking for a fault. */
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  /** What happens every day, and refusals that any caller can bring about at will. */
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  /** What somebody should look at: often a setting that does not fit, or an authorization server that is down. */
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  /** An alarm: a fault that keeps good requests out until somebody mends it, or an answer that may be forged. */
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}
