import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pageAt, ROOT, tableBelow } from './pages.ts';

const page = pageAt('docs/reference/errors.md');
const source = (path: string): string => readFileSync(`${ROOT}src/${path}`, 'utf8');
const sources = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map(source);
const errors = source('errors.ts');

/** The members of a union of string literals. */
function unionOf(name: string, text: string): string[] {
  const body = new RegExp(`^(?:export )?type ${name} =([^;]+);`, 'm').exec(text)?.[1] ?? '';
  return literalsIn(body);
}

function literalsIn(text: string): string[] {
  return [...text.matchAll(/'([^'\n]+)'/g)].map(([, literal = '']) => literal);
}

function sorted(words: Iterable<string>): string[] {
  return [...new Set(words)].sort();
}

/** Each heading of the third level below a heading of the second, and what stands below it. */
function entriesBelow(heading: string): Map<string, string> {
  const section = page.text.split(/^(?=## )/m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const [, ...entries] = section.split(/^### /m);
  return new Map(
    entries.map((entry) => {
      const [, name = '', text = ''] = /^(\S+)\n(.*)$/s.exec(entry) ?? [];
      return [name, text];
    }),
  );
}

describe('the reference of errors', () => {
  it('has every error code, and no other', () => {
    const codes = unionOf('ErrorCode', errors);
    expect(codes.length).toBeGreaterThan(8);
    expect(sorted(entriesBelow('## Error codes').keys())).toEqual(sorted(codes));
  });

  it('gives for every code its class, and for every challenge its status and error code', () => {
    // `super('ERR_…', 401, 'invalid_token', …)`, or the type of `code` where a class has several.
    const classes = errors.split(/^export (?:abstract )?class /m).slice(1);
    const classOf = (code: string): string | undefined =>
      classes
        .filter((text) => !text.startsWith('ResourceServerError') && !text.startsWith('ChallengeError'))
        .find((text) => text.split('\n}\n')[0]?.includes(`'${code}'`) === true)
        ?.split(' ', 1)[0];
    const ofTheAs = unionOf('AuthorizationServerErrorCode', errors);
    for (const [code, text] of entriesBelow('## Error codes')) {
      const name = ofTheAs.includes(code) ? 'AuthorizationServerError' : classOf(code);
      expect(text, code).toContain(`- Class: \`${name}\``);
      const challenge = new RegExp(`'${code}',\\s*(\\d+),\\s*(?:'(\\w+)'|undefined)`).exec(errors);
      if (challenge !== null) {
        const [, status, error] = challenge;
        expect(text, code).toContain(`- Status: ${status}${error === undefined ? ',' : ` \`${error}\``}`);
      }
    }
  });

  it.each([
    ['InvalidRequestReason', '## Reasons of an invalid request'],
    ['InvalidTokenReason', '## Reasons of an invalid token'],
  ])('has every %s, and no other', (type, heading) => {
    const reasons = unionOf(type, errors);
    expect(reasons.length).toBeGreaterThan(2);
    expect(sorted(tableBelow(page, heading))).toEqual(sorted(reasons));
  });

  it('gives the level of every reason', () => {
    const everyday = literalsIn(
      /EVERYDAY = new Set\(\[(.*?)\]\)/s.exec(source('authentication/refusal-log.ts'))?.[1] ?? '',
    );
    expect(everyday).toContain('inactive');
    const rows = [...page.text.matchAll(/^\| `(\w+)` .*\| `(info|warn)` *\|$/gm)];
    expect(rows.length).toBeGreaterThan(12);
    for (const [, reason = '', level] of rows) {
      expect([reason, level]).toEqual([reason, everyday.includes(reason) ? 'info' : 'warn']);
    }
  });

  const events = sorted(
    sources
      .flatMap((text) =>
        [...text.matchAll(/\bevent(?::| =) ([^,;}]+)|\bthis\.#log\(\s*([^,]+),/g)].flatMap(
          ([, value = '', argument = '']) => literalsIn(value + argument),
        ),
      )
      .filter((literal) => /^\w+\.\w+$/.test(literal)),
  );

  it('has every event, and no other', () => {
    expect(events.length).toBeGreaterThan(10);
    expect(sorted(entriesBelow('## Events').keys())).toEqual(events);
  });

  it('gives the level and the fields of every event', () => {
    const levels = new Map<string, Set<string>>();
    for (const text of sources) {
      for (const [, level = '', event = ''] of text.matchAll(
        /logger\.(debug|info|warn|error)\(\s*\{\s*event: '([\w.]+)'/g,
      )) {
        levels.set(event, (levels.get(event) ?? new Set()).add(level));
      }
    }
    // A class that logs through a method of its own: `#log(event: string, …)` with the level in its body.
    for (const text of sources) {
      const level = /^ {2}#log\(event: string.*?logger\.(\w+)\(/ms.exec(text)?.[1];
      if (level === undefined) continue;
      for (const [, event = ''] of text.matchAll(/\bthis\.#log\(\s*'([\w.]+)'/g)) {
        levels.set(event, (levels.get(event) ?? new Set()).add(level));
      }
    }
    expect(levels.get('user.linked')).toEqual(new Set(['info']));
    expect(levels.size).toBeGreaterThan(6);
    for (const [event, text] of entriesBelow('## Events')) {
      expect(text, event).toMatch(/^- Level: /m);
      expect(text, event).toMatch(/^- Fields: /m);
      expect(text, event).toMatch(/^- When: /m);
      for (const level of levels.get(event) ?? []) expect(text, event).toContain(`- Level: \`${level}\``);
    }
  });

  it('has every check of as.untrusted, and no other', () => {
    const jwtClient = source('authorization-server/jwt-authorization-server-client.ts');
    const client = source('authorization-server/authorization-server-client.ts');
    const checks = [
      ...sources.flatMap((text) =>
        [...text.matchAll(/\buntrusted\(\s*'(\w+)'/g)].map(([, check = '']) => check),
      ),
      ...[...jwtClient.matchAll(/return \[\s*'(\w+)'/g)].map(([, check = '']) => check),
      ...literalsIn(/TIMES = \[(.*?)\]/.exec(client)?.[1] ?? ''),
      // What SignatureError can say.
      ...[
        ...(
          /const TEXTS = \{(.*?)\}/s.exec(source('authorization-server/signing-keys.ts'))?.[1] ?? ''
        ).matchAll(/^ {2}(\w+):/gm),
      ].map(([, check = '']) => check),
      // Kinds of a transport's error that are not the transport's fault.
      ...[...source('authorization-server/exchange.ts').matchAll(/(?<!typeof )kind === '(\w+)'/g)].map(
        ([, kind = '']) => kind,
      ),
    ];
    expect(checks.length).toBeGreaterThan(15);
    expect(sorted(tableBelow(page, '## Checks of an untrusted answer'))).toEqual(sorted(checks));
  });

  it('has every kind of as.unavailable, and no other', () => {
    const kinds = unionOf('HttpErrorKind', source('http/http-adapter.ts')).filter(
      (kind) => kind !== 'too_large' && kind !== 'encoding',
    );
    expect(kinds.length).toBeGreaterThan(4);
    expect(sorted(tableBelow(page, '### as.unavailable'))).toEqual(sorted([...kinds, 'status', 'metadata']));
  });

  it('has every reason to leave a signing key out, and no other', () => {
    const reasons = unionOf('DropReason', source('authorization-server/signing-key.ts'));
    expect(reasons.length).toBeGreaterThan(3);
    expect(sorted(tableBelow(page, '### jwks.refresh'))).toEqual(sorted(reasons));
  });
});

describe('the pages', () => {
  const guides = [
    'docs/guides/custom-user-store.md',
    'docs/guides/errors.md',
    'docs/guides/jwt-introspection-and-keys.md',
    'docs/guides/migrating-from-django-lasuite.md',
    'docs/guides/settings.md',
    'docs/guides/users.md',
  ];

  it.each(guides)('%s names only errors, events, reasons and checks that exist', (path) => {
    const words = [...page.text.matchAll(/^### (\S+)$|`([\w.]+)`/gm)].map(([, name, word]) => name ?? word);
    const { text } = pageAt(path);
    const named = [
      ...text.matchAll(/\b(ERR_[A-Z_]+)\b/g),
      ...text.matchAll(/`((?:as|token|request|user|user_store|jwks|settings|resource_server)\.[a-z_]+)`/g),
      ...text.matchAll(/`(?:reason|check|kind|result): (\w+)`/g),
    ].map(([, word = '']) => word);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((word) => !words.includes(word))).toEqual([]);
  });

  it('draw the layers that are checked', () => {
    const checked = [
      ...readFileSync(`${ROOT}scripts/layers.mjs`, 'utf8').matchAll(/^ +(?:\{ )?name: '([\w-]+)'/gm),
    ].map(([, name = '']) => name);
    expect(checked.length).toBeGreaterThan(8);
    expect(tableBelow(pageAt('docs/architecture.md'), '## Layers').sort()).toEqual(checked.sort());
  });
});
