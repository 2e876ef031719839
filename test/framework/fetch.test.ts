import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { startFetch } from './fetch-contract.ts';
import { frameworkContract } from './framework-contract.ts';

describe('the Fetch API', () => {
  frameworkContract({ describe, it }, startFetch);

  it('is all that the adapter needs: bundled for a browser, it imports nothing', async () => {
    const { metafile, outputFiles } = await build({
      entryPoints: ['src/framework/fetch.ts'],
      bundle: true,
      platform: 'browser',
      format: 'esm',
      metafile: true,
      write: false,
    });
    expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([]);
    const [{ text } = { text: '' }] = outputFiles;
    expect(text).toContain('cache-control');
    expect(text).not.toMatch(/\b(process|Buffer|require|global|setImmediate|__dirname)\b/);
  });
});
