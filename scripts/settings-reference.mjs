// Writes docs/reference/settings.md from the schema in src/settings.ts.
// With --check it writes nothing, and exits 1 when the page is not what it would write.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import prettier from 'prettier';
import { tsImport } from 'tsx/esm/api';

const { settingsSchema } = await tsImport('../src/settings.ts', import.meta.url);

const PAGE = fileURLToPath(new URL('../docs/reference/settings.md', import.meta.url));

const GROUPS = [
  {
    title: 'Which authorization server is asked',
    names: [
      'OIDC_OP_URL',
      'OIDC_OP_INTERNAL_URL',
      'OIDC_OP_INTROSPECTION_ENDPOINT',
      'OIDC_OP_JWKS_ENDPOINT',
      'OIDC_OP_TOKEN_ENDPOINT',
      'OIDC_OP_USER_ENDPOINT',
      'OIDC_OP_USER_ENDPOINT_FORMAT',
    ],
  },
  {
    title: 'Who we are to it',
    names: [
      'OIDC_RS_CLIENT_ID',
      'OIDC_RS_CLIENT_SECRET',
      'OIDC_RP_CLIENT_ID',
      'OIDC_RP_CLIENT_SECRET',
      'OIDC_RS_CLIENT_AUTH_METHOD',
    ],
  },
  {
    title: 'What is asked of a token',
    names: [
      'OIDC_RS_SCOPES',
      'OIDC_RS_SCOPES_MATCH',
      'OIDC_RS_AUDIENCE_CLAIM',
      'OIDC_RS_ALLOWED_AUDIENCES',
      'OIDC_RS_RESOURCE',
      'OIDC_RS_REQUIRE_ISSUER',
      'OIDC_RS_REQUIRE_TOKEN_TYPE',
      'OIDC_RS_CLOCK_TOLERANCE',
      'OIDC_RS_BASE64_TOKENS',
    ],
  },
  {
    title: 'The person behind a token',
    names: [
      'OIDC_RS_CREATE_USER',
      'OIDC_RS_FALLBACK_TO_EMAIL',
      'OIDC_RS_USERINFO_MAX_AGE',
      'OIDC_USERINFO_ESSENTIAL_CLAIMS',
      'OIDC_USERINFO_FULLNAME_FIELDS',
      'OIDC_USERINFO_SHORTNAME_FIELD',
    ],
  },
  {
    title: 'Keys, for signed and encrypted answers',
    names: [
      'OIDC_RS_PRIVATE_KEY_STR',
      'OIDC_RS_ENCRYPTION_KEY_TYPE',
      'OIDC_RS_ENCRYPTION_ALGO',
      'OIDC_RS_ENCRYPTION_ENCODING',
      'OIDC_RS_SIGNING_ALGO',
      'OIDC_RS_INTROSPECTION_AUDIENCE',
    ],
  },
  {
    title: 'The cache of claims, and revocation',
    names: [
      'OIDC_RS_CACHE_TTL',
      'OIDC_RS_CACHE_MAX_ENTRIES',
      'OIDC_RS_CACHE_URL',
      'OIDC_RS_CACHE_SECRET',
      'OIDC_RS_STALE_IF_ERROR',
      'OIDC_RS_BACKCHANNEL_LOGOUT',
      'OIDC_RS_LOGOUT_AUDIENCES',
      'OIDC_RS_LOGOUT_SIGNING_ALGO',
    ],
  },
  {
    title: 'The connection to it',
    names: ['OIDC_TIMEOUT', 'OIDC_PROXY', 'OIDC_CA', 'OIDC_VERIFY_SSL'],
  },
  {
    title: 'The resource server itself',
    names: ['OIDC_RESOURCE_SERVER_ENABLED', 'OIDC_RS_BACKEND_CLASS', 'OIDC_RS_REALM'],
  },
];

const INTRODUCTION = `<!-- Written by scripts/settings-reference.mjs from the schema in src/settings/schema.ts: change it there, then \`npm run docs:settings\`. -->

# Settings

Every setting is an environment variable, and a key of \`settings\` in \`createResourceServer({ settings })\`, which
wins over the environment. Names are exact. All problems are reported at the start, at once.

- **Lists** are separated by commas or blanks (\`groups,profile\`), or written in the brackets of JSON or Python
  (\`["groups", "profile"]\`, \`('groups',)\`). A program can pass an array.
- **Switches** take \`true\`, \`1\`, \`yes\`, \`on\`, and \`false\`, \`0\`, \`no\`, \`off\`, in any case.
- **URLs** are \`https://\`. Plain \`http://\` is for this machine (\`localhost\`, \`127.0.0.1\`, \`[::1]\`); to any other it
  is warned about, and refused with \`NODE_ENV=production\`.
- **PEM** may have real line breaks or written ones (\`\\n\`), or be base64 as a whole.
- **Files**: where it says so, the variable with \`_FILE\` at the end names a file that holds the value, such as a
  Docker secret: \`OIDC_RS_CLIENT_SECRET_FILE=/run/secrets/client_secret\`. At most 64 KB are read, one line break at the
  end is cut off, and setting both is an error.
- A **blank** value in the environment is the same as none; a blank secret or key is an error.
- **Other names**: an unknown \`OIDC_RS_…\` is an error, since it is most likely misspelt. The names of the login module of
  django-lasuite and of mozilla-django-oidc are passed over.

“Original” below means that the setting has the same name and meaning in django-lasuite or the applications built on it.
`;

function escapeMarkdown(text) {
  return text.replaceAll('\\', '\\\\').replaceAll('<', '\\<');
}

function showDefault(value) {
  if (value === undefined) return 'none';
  return Array.isArray(value) && value.length === 0 ? 'empty' : `\`${String(value)}\``;
}

function describe(name) {
  const { doc, format, default: standard, example, sensitive, file, ours } = settingsSchema[name];
  const lines = [
    `### ${name}`,
    '',
    doc,
    '',
    `- Default: ${showDefault(standard)}`,
    `- Format: ${escapeMarkdown(format.description)}`,
    `- Example: \`${name}=${example}\``,
    `- Origin: ${ours ? 'this package' : 'original'}`,
  ];
  if (sensitive) lines.push('- Secret: it is never logged or printed');
  if (file) lines.push(`- File: \`${name}_FILE\``);
  return lines.join('\n');
}

function overview(names) {
  const rows = names.map(
    (name) => `| [${name}](#${name.toLowerCase()}) | ${showDefault(settingsSchema[name].default)} |`,
  );
  return ['| setting | default |', '|---|---|', ...rows].join('\n');
}

const listed = GROUPS.flatMap(({ names }) => names);
const strays = Object.keys(settingsSchema).filter((name) => !listed.includes(name));
if (strays.length > 0) throw new Error(`Put these settings into a group: ${strays.join(', ')}`);

const sections = GROUPS.map(({ title, names }) =>
  [`## ${title}`, overview(names), ...names.map(describe)].join('\n\n'),
);
const page = await prettier.format([INTRODUCTION, ...sections].join('\n\n'), {
  ...(await prettier.resolveConfig(PAGE)),
  filepath: PAGE,
});

if (process.argv.includes('--check')) {
  let current = '';
  try {
    current = readFileSync(PAGE, 'utf8');
  } catch {
    // There is no page yet, which is stale as well.
  }
  if (current !== page) {
    console.error('docs/reference/settings.md is not up to date. Run: npm run docs:settings');
    process.exit(1);
  }
} else {
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, page);
}
