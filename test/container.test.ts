import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findBackend } from '../src/backend-module.ts';
import { IntrospectionResourceServerBackend } from '../src/backend/introspection-backend.ts';
import { JWTResourceServerBackend } from '../src/backend/jwt-introspection-backend.ts';
import { BACKEND_BRAND, ResourceServerBackend } from '../src/backend/resource-server-backend.ts';
import {
  type AnyBackendProvider,
  backendNamed,
  backendNames,
  buildBackend,
  container,
  type DependencyContainer,
  isBackendClass,
  registerBackend,
  requiredSettings,
} from '../src/container.ts';
import type * as original from '../src/container.ts';
import { ConfigurationError } from '../src/errors.ts';
import { ClaimsUserStore } from '../src/user/claims-user-store.ts';
import { dependenciesWith } from './support/fake-backend.ts';

const REGISTRY = Symbol.for('oidc-resource-server.backends');
const registry = (globalThis as { [REGISTRY]?: Map<string, unknown> })[REGISTRY] as Map<string, unknown>;
const dependencies = dependenciesWith({ userStore: new ClaimsUserStore() });

const ORIGINAL = 'lasuite.oidc_resource_server.backend';
const SHIPPED: readonly [string, AnyBackendProvider][] = [
  ['IntrospectionResourceServerBackend', IntrospectionResourceServerBackend],
  ['JWTResourceServerBackend', JWTResourceServerBackend],
  ['ResourceServerBackend', IntrospectionResourceServerBackend],
  [`${ORIGINAL}.ResourceServerBackend`, IntrospectionResourceServerBackend],
  [`${ORIGINAL}.JWTResourceServerBackend`, JWTResourceServerBackend],
];

class TeamBackend extends IntrospectionResourceServerBackend<unknown> {}
class OtherBackend extends JWTResourceServerBackend<unknown> {}

/** Another copy of the module, as when two versions of the package are installed. */
async function anotherCopy(): Promise<typeof original> {
  vi.resetModules();
  return import('../src/container.ts');
}

/** `Marker`, of another copy of the package: known by its brand alone. */
function foreignClass(): AnyBackendProvider {
  class ForeignBackend {
    static readonly [BACKEND_BRAND] = true;
    getClaims(): void {
      return;
    }
  }
  return ForeignBackend as unknown as AnyBackendProvider;
}

beforeEach(() => {
  registry.clear();
});

describe('registerBackend', () => {
  it('makes a class or a factory known by the name that is given', () => {
    const factory = { useFactory: () => new TeamBackend(dependencies) };
    registerBackend('Minified', TeamBackend);
    registerBackend('core.backends.TeamBackend', OtherBackend);
    registerBackend('Made', factory);
    expect(backendNamed('Minified')).toBe(TeamBackend);
    expect(backendNamed('core.backends.TeamBackend')).toBe(OtherBackend);
    expect(backendNamed('Made')).toBe(factory);
    expect(backendNamed('TeamBackend')).toBeUndefined();
  });

  it('does nothing when it is told the same again', () => {
    registerBackend('TeamBackend', TeamBackend);
    registerBackend('TeamBackend', TeamBackend);
    expect([...registry]).toEqual([['TeamBackend', TeamBackend]]);
  });

  it('refuses a name that is taken, and keeps who has it', () => {
    registerBackend('TeamBackend', TeamBackend);
    for (const other of [OtherBackend, { useFactory: () => new TeamBackend(dependencies) }]) {
      expect(() => {
        registerBackend('TeamBackend', other);
      }).toThrow("registerBackend('TeamBackend'): another backend has that name already");
    }
    expect(backendNamed('TeamBackend')).toBe(TeamBackend);
  });

  it.each(SHIPPED)('leaves the shipped %s as it is', (name, shipped) => {
    expect(() => {
      registerBackend(name, TeamBackend);
    }).toThrow(ConfigurationError);
    registerBackend(name, shipped);
    expect(backendNamed(name)).toBe(shipped);
    expect(registry.size).toBe(0);
  });

  it.each<[unknown, unknown, string]>([
    ['', TeamBackend, 'a name without blanks and "#"'],
    ['Team Backend', TeamBackend, 'a name without blanks and "#"'],
    ['Team\n', TeamBackend, 'a name without blanks and "#"'],
    ['./team.js#TeamBackend', TeamBackend, 'a name without blanks and "#"'],
    [undefined, TeamBackend, 'a name without blanks and "#"'],
    [TeamBackend, undefined, 'a name without blanks and "#"'],
    ...[
      undefined,
      null,
      'TeamBackend',
      {},
      { useFactory: 'TeamBackend' },
      { useClass: TeamBackend },
      class {},
      () => new TeamBackend(dependencies),
      new TeamBackend(dependencies),
      ResourceServerBackend,
      ClaimsUserStore,
    ].map((backend): [unknown, unknown, string] => [
      'X',
      backend,
      'a class that extends ResourceServerBackend, or { useFactory }',
    ]),
  ])('refuses %s for %s', (name, backend, message) => {
    expect(() => {
      registerBackend(name as string, backend as AnyBackendProvider);
    }).toThrow(message);
    expect(registry.size).toBe(0);
  });
});

describe('two copies of the package (X7)', () => {
  it('agree on the names that are registered', async () => {
    const copy = await anotherCopy();
    expect(copy.registerBackend).not.toBe(registerBackend);
    registerBackend('TeamBackend', TeamBackend);
    copy.registerBackend('ForeignBackend', foreignClass());
    for (const name of ['TeamBackend', 'ForeignBackend']) {
      expect(copy.backendNamed(name)).toBeDefined();
      expect(copy.backendNamed(name)).toBe(backendNamed(name));
    }
    expect(() => {
      copy.registerBackend('TeamBackend', foreignClass());
    }).toThrow('another backend has that name already');
  });

  it.each(SHIPPED)('have a %s each', async (name) => {
    const copy = await anotherCopy();
    const own = copy.backendNamed(name) as AnyBackendProvider;
    expect(own).not.toBe(backendNamed(name));
    copy.registerBackend(name, own);
    registry.set(name, foreignClass()); // what an older version may do, which does not ship it
    expect(backendNamed(name)).toBe(SHIPPED.find(([shipped]) => shipped === name)?.[1]);
    expect(copy.backendNamed(name)).toBe(own);
  });

  it("build each other's classes, which are known by their brand", async () => {
    const copy = await anotherCopy();
    const { IntrospectionResourceServerBackend: Foreign } =
      await import('../src/backend/introspection-backend.ts');
    class ForeignTeam extends Foreign<unknown> {}
    expect(new ForeignTeam(dependencies)).not.toBeInstanceOf(ResourceServerBackend);
    expect(isBackendClass(ForeignTeam) && copy.isBackendClass(TeamBackend)).toBe(true);
    expect(buildBackend(container, 'ForeignTeam', ForeignTeam, dependencies)).toBeInstanceOf(ForeignTeam);
  });
});

describe('a backend class', () => {
  it.each<[string, unknown, boolean]>([
    ['a shipped one', JWTResourceServerBackend, true],
    ['a subclass', TeamBackend, true],
    ['one of another copy', foreignClass(), true],
    ['the abstract base', ResourceServerBackend, false],
    ['an instance', new TeamBackend(dependencies), false],
    ['one without the brand', class { getClaims(): void { return; } }, false], // prettier-ignore
    ['a factory', { useFactory: () => undefined }, false],
    ['a function', () => undefined, false],
    ['nothing', undefined, false],
  ])('is what can be built: %s', (_, value, is) => {
    expect(isBackendClass(value)).toBe(is);
  });

  it('says which settings it needs, and its subclasses do too', () => {
    class WithUserinfo extends TeamBackend {
      static override readonly requiredSettings = ['OIDC_OP_USER_ENDPOINT'] as const;
    }
    expect(requiredSettings(TeamBackend)).toEqual(IntrospectionResourceServerBackend.requiredSettings);
    expect(requiredSettings(TeamBackend)).toContain('OIDC_RS_CLIENT_SECRET');
    expect(requiredSettings(OtherBackend)).toContain('OIDC_RS_PRIVATE_KEY_STR');
    expect(requiredSettings(WithUserinfo)).toEqual(['OIDC_OP_USER_ENDPOINT']);
    expect(requiredSettings(foreignClass())).toEqual([]);
    expect(requiredSettings({ useFactory: () => new TeamBackend(dependencies) })).toEqual([]);
    expect(requiredSettings(undefined)).toEqual([]);
  });
});

describe('buildBackend', () => {
  class TeamService {
    readonly name = 'pharmacy';
  }
  class ServiceBackend extends IntrospectionResourceServerBackend<unknown> {
    readonly teams: TeamService;

    constructor(bag: typeof dependencies, teams: TeamService) {
      super(bag);
      this.teams = teams;
    }
  }
  const factory = {
    useFactory: (bag: typeof dependencies, scope: DependencyContainer) =>
      new ServiceBackend(bag, scope.resolve(TeamService)),
  };

  it('builds a class with its dependencies, without decorator and constructor', () => {
    class Peeking extends TeamBackend {
      get parts(): unknown[] {
        return [this.settings, this.userStore, this.logger];
      }
    }
    const backend = buildBackend(container, 'Peeking', Peeking, dependencies);
    expect(backend).toBeInstanceOf(Peeking);
    const { settings, userStore, logger } = dependencies;
    expect(backend).toHaveProperty('parts', [settings, userStore, logger]);
  });

  it("gives a factory the dependencies, and services of the application's container", () => {
    const application = container.createChildContainer();
    const service = new TeamService();
    application.registerInstance(TeamService, service);
    const useFactory = vi.fn(factory.useFactory);
    const backend = buildBackend(application, 'ServiceBackend', { useFactory }, dependencies);
    expect(backend).toHaveProperty('teams', service);
    expect(useFactory).toHaveBeenCalledOnce();
    expect(useFactory.mock.calls[0]?.[0]).toBe(dependencies);
  });

  it('shares no instance between two resource servers, unless the application says so', () => {
    const application = container.createChildContainer();
    const built: ServiceBackend[] = [];
    const useFactory: typeof factory.useFactory = (bag, scope) => {
      built.push(factory.useFactory(bag, scope));
      return built.at(-1) as ServiceBackend;
    };
    const build = (): unknown => buildBackend(application, 'ServiceBackend', { useFactory }, dependencies);
    const teamsOf = (): unknown[] => built.splice(0).map(({ teams }) => teams);
    expect(build()).not.toBe(build());
    expect(new Set(teamsOf()).size).toBe(2);
    application.registerSingleton(TeamService);
    expect(build()).not.toBe(build());
    expect(new Set(teamsOf()).size).toBe(1);
  });

  it('leaves the container of the application as it is', () => {
    const application = container.createChildContainer();
    const scopes: DependencyContainer[] = [];
    const useFactory = (bag: typeof dependencies, scope: DependencyContainer): TeamBackend => {
      scope.registerInstance('tenant', scopes.push(scope));
      return new TeamBackend(bag);
    };
    for (const name of ['TeamBackend', 'TeamBackend', 'ResourceServerBackend']) {
      buildBackend(application, name, { useFactory }, dependencies);
      expect(application.isRegistered(name, true)).toBe(false);
    }
    expect(new Set(scopes).size).toBe(3);
    expect(scopes.map((scope) => scope.resolve('tenant'))).toEqual([1, 2, 3]);
    expect(application.isRegistered('tenant', true)).toBe(false);
  });

  it('is not mistaken about what else the application calls by that name', () => {
    const application = container.createChildContainer();
    application.registerInstance('TeamBackend', 'something of the application');
    expect(buildBackend(application, 'TeamBackend', TeamBackend, dependencies)).toBeInstanceOf(TeamBackend);
    expect(application.resolve('TeamBackend')).toBe('something of the application');
  });

  it.each([
    ['nothing', () => undefined],
    ['null', () => null],
    ['an object', () => ({ getClaims: () => undefined })],
    ['an object without a prototype', () => Object.create(null) as object],
    ['a user store', () => new ClaimsUserStore()],
    ['the class', () => TeamBackend],
    ['a promise', () => Promise.resolve(new TeamBackend(dependencies))],
  ])('refuses a factory that returns %s', (_, useFactory) => {
    expect(() =>
      buildBackend(container, 'TeamBackend', { useFactory } as unknown as AnyBackendProvider, dependencies),
    ).toThrow('TeamBackend: its factory did not return a ResourceServerBackend.');
  });

  it('lets what a factory throws through', () => {
    const useFactory = (): never => {
      throw new RangeError('no database');
    };
    expect(() => buildBackend(container, 'TeamBackend', { useFactory }, dependencies)).toThrow(RangeError);
  });

  it('is told apart from the container itself, which would build a class without anything', () => {
    expect(() => container.resolve(TeamBackend)).toThrow(
      'TeamBackend was built without its dependencies. Register it by registerBackend',
    );
  });
});

describe('findBackend', () => {
  it.each(SHIPPED)('knows the shipped %s', async (name, shipped) => {
    expect(await findBackend(name)).toEqual({ provider: shipped });
  });

  it.each(['TeamBackend', 'core.backends.TeamBackend', `${ORIGINAL}.TeamBackend`, '@team/TeamBackend'])(
    'knows what was registered as %s',
    async (name) => {
      registerBackend(name, TeamBackend);
      expect(await findBackend(name)).toEqual({ provider: TeamBackend });
    },
  );

  it.each([
    'TeamBackend',
    'jwtresourceserverbackend',
    'JWTResourceServerBackend ',
    'backend.JWTResourceServerBackend',
    'lasuite.oidc_resource_server.JWTResourceServerBackend',
    `${ORIGINAL}.${ORIGINAL}.JWTResourceServerBackend`,
    `${ORIGINAL}.`,
    'toString',
    '__proto__',
    '',
  ])('knows nobody called %j, and lists whom it knows', async (name) => {
    registerBackend('OtherBackend', OtherBackend);
    const { problem } = (await findBackend(name)) as { problem: string };
    expect(problem).toContain(`OIDC_RS_BACKEND_CLASS: no backend is called "${name}". Known: `);
    expect(backendNames()).toHaveLength(4);
    for (const known of backendNames()) expect(problem).toContain(known);
  });
});

describe('findBackend with module#Export', () => {
  const folder = mkdtempSync(join(tmpdir(), 'backend-module-'));
  const backend = (name: string): string =>
    `class ${name} { static [Symbol.for('oidc-resource-server.backend')] = true; getClaims() {} }`;
  const FILES: Readonly<Record<string, string>> = {
    'team.mjs': `export ${backend('TeamBackend')}; export default TeamBackend; export const other = 42; export class Other {}`,
    'deep/team.mjs': `export ${backend('TeamBackend')}`,
    'a#b.mjs': `export ${backend('TeamBackend')}`,
    'empty.mjs': '',
    'throws.mjs': 'throw new RangeError("hunter2")',
    'throws-code.mjs': 'throw Object.assign(new Error("hunter2"), { code: "ECONNREFUSED" })',
    'throws-text.mjs': 'throw "hunter2"',
    'throws-json.mjs': 'JSON.parse("hunter2")',
    'throws-bigint.mjs': 'BigInt("hunter2")',
    'syntax.mjs': 'const hunter2 = {',
    'dependency.mjs': 'import "not-installed-anywhere"',
    'node_modules/@team/auth/package.json': '{"name":"@team/auth","type":"module","exports":"./main.js"}',
    'node_modules/@team/auth/main.js': `export ${backend('TeamBackend')}`,
    'node_modules/team-cjs/package.json': '{"name":"team-cjs","main":"main.cjs"}',
    'node_modules/team-cjs/main.cjs': `exports.TeamBackend = ${backend('TeamBackend')}`,
    'node_modules/team-cjs/sub.cjs': `exports.TeamBackend = ${backend('TeamBackend')}`,
    'node_modules/team-esm/package.json':
      '{"name":"team-esm","type":"module","exports":{"import":"./main.js"}}',
    'node_modules/team-esm/main.js': `export ${backend('TeamBackend')}`,
  };
  for (const [file, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
  beforeEach(() => {
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder);
    return () => {
      cwd.mockRestore();
    };
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const problemOf = async (name: string): Promise<unknown> =>
    ((await findBackend(name)) as { problem?: string }).problem;

  it.each([
    './team.mjs#TeamBackend',
    './team.mjs#default',
    './deep/../team.mjs#TeamBackend',
    './deep/team.mjs#TeamBackend',
    `../${basename(folder)}/team.mjs#TeamBackend`,
    `${folder}/team.mjs#TeamBackend`,
    '@team/auth#TeamBackend',
    'team-cjs#TeamBackend',
    'team-cjs/sub.cjs#TeamBackend',
    './node_modules/team-esm/main.js#TeamBackend',
  ])('imports %s from the working directory', async (name) => {
    const { provider } = (await findBackend(name)) as { provider?: { name: string } };
    expect(provider?.name).toBe('TeamBackend');
  });

  it('prefers a name that is registered', async () => {
    registry.set('./team.mjs#TeamBackend', OtherBackend);
    expect(await findBackend('./team.mjs#TeamBackend')).toEqual({ provider: OtherBackend });
  });

  it.each(['Missing', 'other', 'Other', 'teambackend', 'toString', '__proto__', 'then'])(
    'refuses the export %s, which is no backend, and lists what is exported',
    async (name) => {
      const [sentence, exported] = String(await problemOf(`./team.mjs#${name}`)).split('; it exports ');
      expect(sentence).toBe(`OIDC_RS_BACKEND_CLASS: ./team.mjs has no backend class "${name}"`);
      expect(exported?.replace('.', '').split(', ').sort()).toEqual([
        'Other',
        'TeamBackend',
        'default',
        'other',
      ]);
    },
  );

  it('says that a module exports nothing', async () => {
    expect(await problemOf('./empty.mjs#TeamBackend')).toMatch('it exports nothing.');
  });

  it.each(['#TeamBackend', './team.mjs#', '#', '##'])(
    'refuses %s, which is not module#Export',
    async (name) => {
      expect(await problemOf(name)).toBe(
        `OIDC_RS_BACKEND_CLASS: "${name}" is not module#Export, for example ./backends/team.js#TeamBackend.`,
      );
    },
  );

  it.each([
    `data:text/javascript,export ${backend('X')}`,
    `DATA:text/javascript,export ${backend('X')}`,
    ` data:text/javascript,export ${backend('X')}`,
    `\tda\nta:text/javascript,export ${backend('X')}`,
    'https://evil.example.com/team.js',
    'HTTPS://evil.example.com/team.js',
    'http:evil',
    `file://${folder}/team.mjs`,
    'node:fs',
    'blob:nodedata:1',
  ])('refuses another scheme: %j (A14)', async (specifier) => {
    expect(await problemOf(`${specifier}#X`)).toBe(
      'OIDC_RS_BACKEND_CLASS: only paths and package names are imported, no "data:", "https:" or other scheme.',
    );
  });

  it.each([
    ['./missing.mjs', 'missing.mjs'],
    ['/missing.mjs', 'missing.mjs'],
    ['not-installed-anywhere', 'not-installed-anywhere'],
    ['./dependency.mjs', 'not-installed-anywhere'],
  ])('says what is missing: %s', async (specifier, missing) => {
    const problem = await problemOf(`${specifier}#TeamBackend`);
    expect(problem).toMatch(/^OIDC_RS_BACKEND_CLASS: the module [^ ]+ cannot be imported \(Cannot find /);
    expect(problem).toContain(missing);
  });

  it.each([
    ['./throws.mjs', 'RangeError'],
    ['./throws-code.mjs', 'Error'],
    ['./throws-text.mjs', 'string'],
    ['./throws-json.mjs', 'SyntaxError'],
    ['./throws-bigint.mjs', 'SyntaxError'],
  ])('says that a module throws, and nothing of what: %s (E1)', async (specifier, kind) => {
    const problem = await problemOf(`${specifier}#TeamBackend`);
    expect(problem).toContain(`the module ${specifier} cannot be imported (`);
    expect(problem).toContain(kind);
    expect(problem).not.toContain('hunter2');
  });

  // vitest has its own way to import; this is Node's, with tsx for our own TypeScript.
  it('does the same in a process of its own (E1)', async () => {
    const names = [
      ...[
        './team.mjs',
        './a#b.mjs',
        '@team/auth',
        'team-cjs',
        'team-esm',
        './missing.mjs',
        './deep',
        './team.txt',
      ],
      ...['./throws.mjs', './throws-code.mjs', './throws-json.mjs', './syntax.mjs', './dependency.mjs'],
    ].map((specifier) => `${specifier}#TeamBackend`);
    const program = `
      const { findBackend } = await import(${JSON.stringify(new URL('../src/backend-module.ts', import.meta.url).href)});
      for (const name of ${JSON.stringify(names)}) {
        const { provider, problem } = await findBackend(name);
        console.log(name, provider?.name ?? problem);
      }`;
    writeFileSync(join(folder, 'team.txt'), '');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', program],
      { cwd: folder },
    );
    const found = stdout.trim().split('\n');
    expect(found.map((line) => line.replaceAll(folder, '.'))).toEqual([
      './team.mjs#TeamBackend TeamBackend',
      './a#b.mjs#TeamBackend TeamBackend',
      '@team/auth#TeamBackend TeamBackend',
      'team-cjs#TeamBackend TeamBackend',
      // A package without an entry for CommonJS is found only next to this one: see locatePackage.
      expect.stringMatching(/Cannot find package 'team-esm'.*\. A package can also be named by its file: /),
      expect.stringMatching(/\(Cannot find module '.*missing\.mjs' imported from .*\)\.$/),
      expect.stringMatching(/\(Directory import '.*deep' is not supported .*\)\.$/),
      expect.stringMatching(/\(Unknown file extension "\.txt" for .*\)\.$/),
      expect.stringMatching(/\(RangeError; its message may hold secrets, .*\)\.$/),
      expect.stringMatching(/\(Error; its message may hold secrets, .*\)\.$/),
      expect.stringMatching(/\(SyntaxError; its message may hold secrets, .*\)\.$/),
      expect.stringMatching(/\((SyntaxError|Error); its message may hold secrets, .*\)\.$/),
      expect.stringMatching(/\(Cannot find package 'not-installed-anywhere' imported from .*\)\.$/),
    ]);
    expect(stdout).not.toContain('hunter2');
  });
});
