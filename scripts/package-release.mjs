// What has to be true before a version is published: `node scripts/package-release.mjs v0.1.0`.
//
// --root=FOLDER takes another package. GITHUB_REPOSITORY, where it is set, has to be the repository of package.json: the
// provenance of a package names both.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [tag = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const option = process.argv.find((argument) => argument.startsWith('--root='))?.slice('--root='.length);
const root = resolve(option ?? fileURLToPath(new URL('..', import.meta.url)));
const { name, version, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');

const problems = [
  tag === `v${version}` ? undefined : `The tag is "${tag}", and package.json has the version ${version}.`,
  changelogProblem(),
  repositoryProblem(process.env.GITHUB_REPOSITORY),
].filter((problem) => problem !== undefined);

if (problems.length > 0) {
  console.error(problems.map((problem) => `- ${problem}`).join('\n'));
  process.exit(1);
}
console.log(`${name} ${version} may be published.`);

function changelogProblem() {
  const sections = changelog.split(/^(?=## )/m);
  const section = sections.find((text) => text.startsWith(`## [${version}]`));
  if (section === undefined) return `CHANGELOG.md has no section "## [${version}] - date".`;
  const [heading = '', ...body] = section.split('\n');
  if (!/^## \[[^\]]+\] - \d{4}-\d{2}-\d{2}$/.test(heading)) {
    return `CHANGELOG.md: "${heading}" does not end in a date, such as 2026-01-31.`;
  }
  return body.join('').trim() === '' ? `CHANGELOG.md says nothing about ${version}.` : undefined;
}

function repositoryProblem(expected) {
  if (expected === undefined || expected === '') return undefined;
  const url = typeof repository === 'string' ? repository : (repository?.url ?? '');
  const path = url.replace(/^git\+|\.git$/g, '');
  return path.endsWith(`/${expected}`) || path === `github:${expected}`
    ? undefined
    : `package.json has the repository "${url}", and this is ${expected}: npm refuses such a provenance.`;
}
