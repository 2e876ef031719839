import { it, vi } from 'vitest';
import { mkdtempSync, writeFileSync, mkdirSync } from 'node:fs';
import { findBackend } from '../../src/backend-module.ts';
it('x', async () => {
  const d = mkdtempSync('/tmp/bm-');
  const B = "export class B { static [Symbol.for('oidc-resource-server.backend')] = true; getClaims() {} }";
  writeFileSync(d + '/b.mjs', B + ';export const other = 1');
  writeFileSync(d + '/syntax.mjs', 'export class {');
  writeFileSync(d + '/throws.mjs', 'throw new Error("hunter2")');
  writeFileSync(d + '/json.mjs', 'JSON.parse("hunter2")');
  writeFileSync(d + '/dep.mjs', 'import "not-there"');
  writeFileSync(d + '/missingexport.mjs', 'import {zz} from "./b.mjs"; console.log(zz)');
  for (const [n, pk] of [['cjs', { main: 'i.cjs' }], ['esm', { type: 'module', exports: { import: './i.js' } }], ['@t/def', { type: 'module', exports: './i.js' }]] as const) {
    mkdirSync(d + '/node_modules/' + n, { recursive: true });
    writeFileSync(d + '/node_modules/' + n + '/package.json', JSON.stringify({ name: n, ...pk }));
    writeFileSync(d + '/node_modules/' + n + '/i.js', B);
    writeFileSync(d + '/node_modules/' + n + '/i.cjs', B.replace('export class B', 'exports.B = class B'));
  }
  vi.spyOn(process, 'cwd').mockReturnValue(d);
  for (const n of ['./b.mjs#B', './b.mjs#C', '../' + d.slice(5) + '/b.mjs#B', d + '/b.mjs#B', './nope.mjs#B', './syntax.mjs#B', './throws.mjs#B', './json.mjs#B', './dep.mjs#B', './missingexport.mjs#B', 'cjs#B', 'esm#B', '@t/def#B', 'nothere#B', 'data:text/javascript,export class B{}#B', ' data:text/javascript,x#B', 'https://x/y#B', 'HTTPS://x/y#B', 'node:fs#B', 'file:///x#B', './#B', '#B', 'x#', './node_modules#B','./b.mjs#other','./b.mjs?x#B'])
    console.log(n, JSON.stringify(await findBackend(n)), (await findBackend(n) as any).provider?.name);
});
