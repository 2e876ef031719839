import { describe, expect, it } from 'vitest';
import { startExpress } from './express-contract.ts';
import { tokenTableAtOnce } from '../support/token-table.ts';
import { frameworkContract } from './framework-contract.ts';
import { createRequire } from 'node:module';

// vitest.config.ts runs this file twice: with Express 5, and with `express` resolved to Express 4.
const expected = process.env.EXPRESS_UNDER_TEST ?? 'express';

describe(expected, () => {
  frameworkContract({ describe, it }, startExpress);

  describe('with a token and a user that are known at once', () => {
    frameworkContract({ describe, it }, startExpress, { resourceServer: tokenTableAtOnce });
  });

  it('is the version that it says', async () => {
    const { version } = createRequire(import.meta.url)(`${expected}/package.json`) as { version: string };
    const { default: express } = await import('express');
    expect(version).toMatch(expected === 'express4' ? /^4\./ : /^5\./);
    // Express 5 has no `app.del`.
    expect('del' in express()).toBe(expected === 'express4');
  });
});
