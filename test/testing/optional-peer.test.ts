import { expect, it } from 'vitest';
import { loadOptionalPeer } from '../../src/testing/optional-peer.ts';

const failing = (code: string, message: string) => () =>
  Promise.reject(Object.assign(new Error(message), { code }));

it.each([
  ['Node', 'ERR_MODULE_NOT_FOUND', "Cannot find package 'selfsigned' imported from certificates.js"],
  ['Jest', 'MODULE_NOT_FOUND', "Cannot find module 'selfsigned' from 'certificates.js'"],
])('says what to install where a package is not there: %s', async (_, code, message) => {
  await expect(loadOptionalPeer('selfsigned', 'httpAdapterContract', failing(code, message))).rejects.toThrow(
    'httpAdapterContract needs the package selfsigned. Install it: npm install --save-dev selfsigned',
  );
});

it.each([
  ['ERR_MODULE_NOT_FOUND', "Cannot find package 'a-part' imported from node_modules/other/index.js"],
  ['ERR_OTHER', "'selfsigned' is broken"],
])('hands on what else went wrong: %s', async (code, message) => {
  await expect(loadOptionalPeer('selfsigned', 'x', failing(code, message))).rejects.toThrow(message);
});

it('hands on what was loaded', async () => {
  expect(await loadOptionalPeer('x', 'y', () => Promise.resolve(42))).toBe(42);
});
