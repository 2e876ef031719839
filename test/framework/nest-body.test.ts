import { NestFactory } from '@nestjs/core';
import { ResourceServerModule } from 'oidc-resource-server/nest';
import { describe, expect, it } from 'vitest';
import { formOf, logoutFixture, logoutToken } from '../support/logout-tokens.ts';
import { rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { type Platform, PLATFORMS } from './nest-contract.ts';

const FORM = ['Content-Type: application/x-www-form-urlencoded'];

describe.each(Object.keys(PLATFORMS) as Platform[])('a form, on %s', (platform) => {
  it.each([{}, { bodyParser: false }, { rawBody: true }])('is taken with %j', async (options) => {
    const fixture = await logoutFixture();
    const resourceServer = await tokenTableResourceServer();
    const module = ResourceServerModule.forRoot({
      resourceServer: { ...resourceServer, endpoints: [fixture.endpoint] },
    });
    class AppModule {}
    const application = await NestFactory.create(
      { module: AppModule, imports: [module] },
      new PLATFORMS[platform](),
      { logger: false, abortOnError: false, ...options },
    );
    application.setGlobalPrefix('api');
    await application.listen(0, '127.0.0.1');
    const origin = (await application.getUrl()).replace('localhost', '127.0.0.1');
    const post = async (form: string): Promise<number> =>
      (await rawRequest(origin, 'POST /api/backchannel-logout', FORM, form)).status;
    try {
      const form = formOf(await logoutToken());
      expect(await post(`more=1&${form}`)).toBe(200);
      expect(await post(form)).toBe(400);
      expect(await post(`${form}&${form}`)).toBe(400);
      expect(await post(`${form}&a=${'x'.repeat(20_000)}`)).toBe(413);
      expect(fixture.revoked).toEqual([{ sid: 'session-1' }, { sub: 'alice' }]);
    } finally {
      await application.close();
      await fixture.stop();
    }
  });
});
