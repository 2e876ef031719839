import 'reflect-metadata';
import { container, type DependencyContainer } from 'tsyringe';
import { IntrospectionResourceServerBackend } from './backend/introspection-backend.ts';
import { JWTResourceServerBackend } from './backend/jwt-introspection-backend.ts';
import {
  BACKEND_BRAND,
  type BackendDependencies,
  type ResourceServerBackend,
} from './backend/resource-server-backend.ts';
import type { Claims } from './claims.ts';
import { ConfigurationError } from './errors.ts';
import type { SettingName } from './settings.ts';

export { container, type DependencyContainer };

/** A backend class, as `new` takes it. */
export type BackendClass<U, C extends Claims = Claims> = new (
  dependencies: BackendDependencies<U>,
) => ResourceServerBackend<U, C>;

/** How to get a backend: its class, or a factory for one that needs the application's services. */
export type BackendProvider<U, C extends Claims = Claims> =
  | BackendClass<U, C>
  | {
      /** Called once for each resource server, with a container of its own below the application's. */
      useFactory(
        // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the factory's backend decides what its users are
        dependencies: BackendDependencies<any>,
        container: DependencyContainer,
      ): ResourceServerBackend<U, C>;
    };

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- one table for backends of any user and any claims
export type AnyBackendProvider = BackendProvider<any, any>;

const SHIPPED: ReadonlyMap<string, AnyBackendProvider> = new Map<string, AnyBackendProvider>([
  ['IntrospectionResourceServerBackend', IntrospectionResourceServerBackend],
  ['JWTResourceServerBackend', JWTResourceServerBackend],
  // What the original calls by this name introspects; here the base is abstract.
  ['ResourceServerBackend', IntrospectionResourceServerBackend],
]);
const ORIGINAL_PATH = 'lasuite.oidc_resource_server.backend.';

// Under Symbol.for, so that two copies of this package agree on the names. Shipped names are never in it.
const REGISTRY = Symbol.for('oidc-resource-server.backends');
const globals = globalThis as { [REGISTRY]?: Map<string, AnyBackendProvider> };
const registered = (globals[REGISTRY] ??= new Map());

/**
 * Makes a backend known by name, so that `OIDC_RS_BACKEND_CLASS` can choose it. Call it before `createResourceServer`.
 *
 * The name is the one that is given, whatever a minifier makes of the class. The same again does nothing.
 *
 * @example A backend that needs a service of the application's
 * {@includeCode ../examples/injected-services.ts#backend}
 *
 * @throws ConfigurationError when the name is taken, or what is given is neither a backend class nor a factory
 */
export function registerBackend(name: string, backend: AnyBackendProvider): void {
  const problem = registrationProblem(name, backend);
  if (problem !== undefined) throw new ConfigurationError([problem]);
  if (shippedBackend(name) === undefined) registered.set(name, backend);
}

function registrationProblem(name: string, backend: AnyBackendProvider): string | undefined {
  if (typeof name !== 'string' || !/^[^\s#]+$/.test(name)) {
    return 'registerBackend needs a name without blanks and "#", for example TeamBackend.';
  }
  if (!isProvider(backend)) {
    return `registerBackend('${name}') needs a class that extends ResourceServerBackend, or { useFactory }.`;
  }
  const known = backendNamed(name);
  if (known !== undefined && known !== backend) {
    return `registerBackend('${name}'): another backend has that name already; choose another name.`;
  }
  return undefined;
}

/** The backend that is shipped, or was registered, under a name; the original's dotted path is a name too. */
export function backendNamed(name: string): AnyBackendProvider | undefined {
  return shippedBackend(name) ?? registered.get(name);
}

/** The backend that is shipped under a name. */
export function shippedBackend(name: string): AnyBackendProvider | undefined {
  return SHIPPED.get(name.startsWith(ORIGINAL_PATH) ? name.slice(ORIGINAL_PATH.length) : name);
}

/** Every name that a backend can be chosen by. */
export function backendNames(): string[] {
  return [...SHIPPED.keys(), ...registered.keys()];
}

/**
 * What a backend class is called in messages: the name that it is known by, which a minifier leaves alone, or else its own.
 */
export function nameOfBackendClass(backend: AnyBackendProvider & { readonly name: string }): string {
  const known = [...SHIPPED, ...registered].find(([, provider]) => provider === backend);
  return known?.[0] ?? backend.name;
}

/** Whether a value is a class that extends `ResourceServerBackend`, of this or another copy of the package. */
export function isBackendClass(value: unknown): value is BackendClass<unknown> {
  if (typeof value !== 'function') return false;
  const { prototype } = value as { prototype?: { getClaims?: unknown } };
  return (
    (value as unknown as Record<symbol, unknown>)[BACKEND_BRAND] === true &&
    typeof prototype?.getClaims === 'function'
  );
}

/** Whether a value is a backend class or a factory. */
export function isProvider(value: unknown): value is AnyBackendProvider {
  if (isBackendClass(value)) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { useFactory?: unknown }).useFactory === 'function'
  );
}

/** The settings that a backend class asks for; a factory's are known once it has made its backend. */
export function requiredSettings(backend: unknown): readonly SettingName[] {
  return isBackendClass(backend)
    ? ((backend as unknown as typeof ResourceServerBackend).requiredSettings ?? [])
    : [];
}

/**
 * Builds a backend in a child of the application's container, under its name: two resource servers in one process
 * share no instance.
 */
export function buildBackend<U, C extends Claims>(
  parent: DependencyContainer,
  name: string,
  provider: BackendProvider<U, C>,
  dependencies: BackendDependencies<U>,
): ResourceServerBackend<U, C> {
  const child = parent.createChildContainer();
  child.register(name, {
    useFactory: (scope) =>
      'useFactory' in provider ? provider.useFactory(dependencies, scope) : new provider(dependencies),
  });
  const backend = child.resolve<ResourceServerBackend<U, C>>(name);
  if (!isBackendClass(backend?.constructor)) {
    throw new ConfigurationError([`${name}: its factory did not return a ResourceServerBackend.`]);
  }
  return backend;
}
