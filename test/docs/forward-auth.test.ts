import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pageAt, ROOT } from './pages.ts';

// `npx vitest run test/docs/forward-auth.test.ts -u` copies the files into the guide.
it('the guide shows the files that are run', async () => {
  const page = pageAt('docs/guides/forward-auth.md');
  const shown: string[] = [];
  const text = page.text.replace(
    /(<!-- file: (\S+) -->\n\n```\w+\n)(?:(?!```).*\n)*```/g,
    (_whole, before: string, file: string) => {
      shown.push(file);
      return `${before}${readFileSync(ROOT + file, 'utf8')}\`\`\``;
    },
  );
  const files = readdirSync(`${ROOT}examples/forward-auth`).map((file) => `examples/forward-auth/${file}`);
  expect(shown.sort()).toEqual(files.sort());
  await expect(text).toMatchFileSnapshot(ROOT + page.path);
});
