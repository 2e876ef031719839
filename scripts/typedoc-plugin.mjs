// Names and groups the pages of the TypeDoc site by what the files themselves say, so that nothing is written twice.
import { readFileSync } from 'node:fs';
import { Comment, CommentTag, Converter } from 'typedoc';

const GROUPS = [
  [/\/docs\/(README|guides\/getting-started|guides\/frameworks\/.+)\.md$/, 'Start'],
  [/\/docs\/guides\/(deploy|bundling|performance)\.md$/, 'Deploy'],
  [/\/docs\/guides\/migrating-/, 'Migrate'],
  [/\/docs\/guides\//, 'Guides'],
  [/\/docs\/reference\//, 'Reference'],
  [/\/docs\/decisions\/0/, 'Decisions'],
  [/./, 'Contribute'],
];

/** @param {import('typedoc').Application} app */
export function load(app) {
  // A document is called by its heading. TypeDoc would take the name of its file.
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const path = document.project.files.getReflectionPath(document);
    const heading = /^# (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1];
    if (heading === undefined) app.logger.error(`${path} has no heading`);
    else document.name = heading.replaceAll('`', '');
    document.frontmatter.group = GROUPS.find(([pages]) => pages.test(path))[1];
  });

  // src/index.ts exports in three parts, each below a comment with its name. They are the categories.
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const categories = readCategories();
    const index = context.project.children?.find(({ name }) => name === 'oidc-resource-server');
    for (const child of index?.children ?? []) {
      const category = categories.get(child.name);
      const tag = new CommentTag('@category', [{ kind: 'text', text: category ?? 'Other' }]);
      if (category === undefined) app.logger.error(`${child.name} is in no part of src/index.ts`);
      for (const reflection of child.signatures ?? [child]) {
        reflection.comment ??= new Comment();
        reflection.comment.blockTags.push(tag);
      }
    }
  });
}

function readCategories() {
  const categories = new Map();
  const [, ...parts] = readFileSync('src/index.ts', 'utf8').split(/^\/\/ (?=\w+$)/m);
  for (const part of parts) {
    const [category, ...exports] = part.split('\n');
    for (const [, names] of exports.join('\n').matchAll(/\{([^}]*)\}/g)) {
      for (const name of names.split(',')) categories.set(name.replace(/\btype\s/, '').trim(), category);
    }
  }
  return categories;
}
