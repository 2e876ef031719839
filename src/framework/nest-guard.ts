import type { IncomingMessage } from 'node:http';
import {
  type CanActivate,
  createParamDecorator,
  type CustomDecorator,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  type PipeTransform,
  SetMetadata,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, Reflector } from '@nestjs/core';
import { isResourceServerError, type ResourceServerError } from '../errors.ts';
import type { Answer, RegisteredAuthentication, Requirements, ResourceServer } from '../types.ts';
import { isNodeRequest, isPreflight, resourceRequest } from './node-request.ts';

/** The injection token of the {@link ResourceServer}: `@Inject(RESOURCE_SERVER)`, `overrideProvider(RESOURCE_SERVER)`. */
export const RESOURCE_SERVER: unique symbol = Symbol.for('oidc-resource-server.RESOURCE_SERVER');

const REQUIREMENTS = 'oidc-resource-server.requirements';
const PUBLIC = 'oidc-resource-server.public';
const NO_REQUIREMENTS: Requirements = Object.freeze({});

/**
 * Says what a route, or every route of a controller, asks of a token, on top of the settings.
 *
 * What stands on the method replaces what stands on the controller, as a whole: nothing is merged. It guards nothing by
 * itself; the {@link ResourceServerGuard} reads it.
 *
 * @example On a method
 * {@includeCode ../../examples/nest/me.controller.ts#controller}
 */
export function Requires(requirements: Requirements): CustomDecorator {
  return SetMetadata(REQUIREMENTS, Object.freeze({ ...requirements }));
}

/**
 * Opens a route, or every route of a controller, to everybody: the {@link ResourceServerGuard} does not look at the
 * request.
 *
 * It loses to a {@link Requires} on the same method or controller, and one on the method wins over the controller's. A
 * route that wants the user where there is one asks for `@Requires({ optional: true })` instead.
 */
export function Public(): CustomDecorator {
  return SetMetadata(PUBLIC, true);
}

/**
 * A refusal, as Nest's exception filters see it. `getStatus()` and `getResponse()` are those of
 * {@link ResourceServer.challenge}, whose headers are set on the response before it is thrown.
 *
 * Nest's own filter answers it as every other framework would. A filter of the application that answers in a form of its
 * own leaves these headers alone.
 */
export class ResourceServerException extends HttpException {
  /**
   * The error of this package, for the log; decide by its `code`. `undefined` when a hook failed with another error,
   * which may hold anything. It is not enumerable: who serializes the exception does not tell the caller why.
   */
  declare cause: ResourceServerError | undefined;

  constructor(answer: Answer, error: unknown) {
    const body = JSON.parse(answer.body) as { readonly title: string };
    super(body, answer.status);
    this.message = body.title;
    const cause = isResourceServerError(error) ? error : undefined;
    Object.defineProperty(this, 'cause', { value: cause, enumerable: false });
  }
}

interface Admission {
  readonly by: ResourceServer<unknown>;
  readonly requirements: Requirements;
  readonly auth: RegisteredAuthentication | undefined;
}

const admissions = new WeakMap<object, Admission>();

/**
 * Who makes the request, once a guard has let it in; `undefined` where credentials are optional and there are none.
 *
 * {@link CurrentAuthentication} is the same for a handler's parameter. Call this one in interceptors, pipes, and
 * decorators of your own, such as for GraphQL.
 *
 * @param request What the guard's `getRequest` returned: the framework's request, as `@Req()` gives it.
 * @throws TypeError when no guard has let the request in
 */
export function authenticationOf(request: object): RegisteredAuthentication | undefined {
  const admission = admissions.get(request);
  if (admission === undefined) {
    throw new TypeError(
      'No ResourceServerGuard has let the request in. Guard the route, or ask for { optional: true } instead of @Public().',
    );
  }
  return admission.auth;
}

function authenticationIn(context: ExecutionContext): RegisteredAuthentication | undefined {
  if (context.getType() === 'http') return authenticationOf(context.switchToHttp().getRequest<object>());
  throw new TypeError(
    `A "${context.getType()}" context has no HTTP request: call authenticationOf(request).`,
  );
}

/** A decorator of a parameter; pipes may follow, as for Nest's own. */
export type AuthenticationDecorator = (
  ...pipes: (PipeTransform | Type<PipeTransform>)[]
) => ParameterDecorator;

/**
 * The parameter of a handler that gets the local user. `undefined` for a client, and for a request without credentials,
 * where {@link Requires} lets these in. Nest does not check the parameter's type.
 *
 * It answers 500 on a route without a guard, also on one that is {@link Public}.
 */
export const CurrentUser: AuthenticationDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => authenticationIn(context)?.user,
);

/** The parameter of a handler that gets the whole `Authentication`, the same as `request.auth`. See {@link CurrentUser}. */
export const CurrentAuthentication: AuthenticationDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => authenticationIn(context),
);

/**
 * Lets a request in when its token satisfies what {@link Requires} asks for, and throws a
 * {@link ResourceServerException} otherwise.
 *
 * It needs the `ResourceServerModule`, which makes it the guard of every route unless told otherwise; then
 * `@UseGuards(ResourceServerGuard)` guards a controller or a method. A CORS preflight gets 204 and never reaches the
 * handler: `enableCors()` answers it before. What is not HTTP, such as a message of a microservice, is refused.
 *
 * @see {@link https://docs.nestjs.com/guards | Guards of NestJS}
 */
export class ResourceServerGuard implements CanActivate {
  readonly #resourceServer: ResourceServer<unknown>;
  readonly #reflector: Reflector;
  readonly #adapterHost: HttpAdapterHost;

  constructor(resourceServer: ResourceServer<unknown>, reflector: Reflector, adapterHost: HttpAdapterHost) {
    this.#resourceServer = resourceServer;
    this.#reflector = reflector;
    this.#adapterHost = adapterHost;
  }

  /**
   * Decides about a request. Nest calls it before the handler and its pipes.
   *
   * @throws ResourceServerException when the request is refused
   * @throws TypeError when the context has no HTTP request
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirements = this.#requirementsOf(context);
    if (requirements === undefined) return true;
    const request = this.getRequest(context);
    const message = incomingMessage(request);
    if (request === undefined || message === undefined) {
      throw new TypeError(
        `ResourceServerGuard found no HTTP request in a "${context.getType()}" context and lets nobody in. ` +
          'Override its getRequest() to say where the request is.',
      );
    }
    const isHttp = context.getType() === 'http';
    if (isHttp && isPreflight(message)) throw new HttpException('', 204);
    if (!isHttp || !this.#hasAdmitted(request, requirements)) {
      await this.#admit(context, request, message, requirements);
    }
    return true;
  }

  /**
   * Where the request is. Override it for contexts other than HTTP, such as GraphQL, and return the framework's request:
   * `GqlExecutionContext.create(context).getContext().req`.
   *
   * @returns The request of Express, Fastify or `node:http`; whatever else it returns is refused.
   */
  protected getRequest(context: ExecutionContext): object | undefined {
    return context.getType() === 'http' ? context.switchToHttp().getRequest<object>() : undefined;
  }

  /** What the route requires; `undefined` for one that is open to everybody. */
  #requirementsOf(context: ExecutionContext): Requirements | undefined {
    for (const target of [context.getHandler(), context.getClass()]) {
      const requirements = this.#reflector.get<Requirements | undefined>(REQUIREMENTS, target);
      if (requirements !== undefined) return requirements;
      if (this.#reflector.get<true | undefined>(PUBLIC, target)) return undefined;
    }
    return NO_REQUIREMENTS;
  }

  /** Whether the application's guard has let the request in, so that `@UseGuards()` does not ask the same again. */
  #hasAdmitted(request: object, requirements: Requirements): boolean {
    const admission = admissions.get(request);
    return admission?.by === this.#resourceServer && admission.requirements === requirements;
  }

  async #admit(
    context: ExecutionContext,
    request: object,
    message: IncomingMessage,
    requirements: Requirements,
  ): Promise<void> {
    try {
      const by = this.#resourceServer;
      const auth = await by.authenticate(resourceRequest(message), requirements);
      admissions.set(request, { by, requirements, auth });
      // Not an assignment: a plugin of Fastify may have put a getter of this name on the prototype.
      Object.defineProperty(request, 'auth', {
        value: auth,
        configurable: true,
        enumerable: true,
        writable: true,
      });
      this.#setPrivate(context);
    } catch (error) {
      const answer = this.#resourceServer.challenge(error);
      const exception = new ResourceServerException(answer, error);
      this.#prepare(context, answer, exception.getResponse());
      throw exception;
    }
  }

  #setPrivate(context: ExecutionContext): void {
    if (context.getType() !== 'http') return;
    const { httpAdapter } = this.#adapterHost;
    const response = context.switchToHttp().getResponse<unknown>();
    if (httpAdapter.getHeader(response, 'cache-control') === undefined) {
      httpAdapter.setHeader(response, 'cache-control', 'private');
    }
  }

  /** Puts on the response what an exception of Nest cannot carry. */
  #prepare(context: ExecutionContext, answer: Answer, body: unknown): void {
    // The answer in another context, such as GraphQL, is not ours to make.
    if (context.getType() !== 'http') return;
    const { httpAdapter } = this.#adapterHost;
    const response = context.switchToHttp().getResponse<FrameworkResponse>();
    const { 'content-type': contentType, ...headers } = answer.headers;
    for (const [name, value] of Object.entries(headers)) {
      // Nest's type is narrower than what both frameworks take: a list of values.
      httpAdapter.setHeader(response, name, value as string);
    }
    replaceOnceSent(response, body, (send) => {
      httpAdapter.setHeader(response, 'content-type', contentType as string);
      return send(Buffer.from(answer.body));
    });
  }
}

// As functions, and with explicit tokens: nothing here may need `emitDecoratorMetadata`.
Injectable()(ResourceServerGuard);
for (const [index, token] of [RESOURCE_SERVER, Reflector, HttpAdapterHost].entries()) {
  Inject(token)(ResourceServerGuard, undefined, index);
}

/** Node's own request: Express hands it out, Fastify wraps it. */
function incomingMessage(request: object | undefined): IncomingMessage | undefined {
  const wrapped = (request as { raw?: unknown } | undefined)?.raw;
  return [request, wrapped].find(isNodeRequest);
}

type Send = (body: unknown) => unknown;

/** How Nest answers with an object: `json` of Express, `send` of Fastify. */
interface FrameworkResponse {
  json?: Send;
  send: Send;
}

/**
 * Answers in another way when this very body is sent. A content type that is set before would be put on whatever else a
 * filter of the application sends, NestJS 11 on Express would replace it, and both frameworks would add a charset.
 */
function replaceOnceSent(response: FrameworkResponse, body: unknown, answer: (send: Send) => unknown): void {
  const method = response.json === undefined ? 'send' : 'json';
  const send = response.send.bind(response);
  const original = (response[method] ?? send).bind(response);
  response[method] = (sent) => (sent === body ? answer(send) : original(sent));
}
