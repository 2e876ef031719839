// #region module
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { createResourceServer } from 'oidc-resource-server';
import { ResourceServerModule } from 'oidc-resource-server/nest';
import { MeController } from './me.controller.ts';
import { RefusalFilter } from './refusal.filter.ts';

@Module({
  imports: [
    // Guards every route, and serves GET /jwks to everybody.
    ResourceServerModule.forRootAsync({ useFactory: () => createResourceServer(), closeOnShutdown: true }),
  ],
  controllers: [MeController],
  providers: [{ provide: APP_FILTER, useClass: RefusalFilter }],
})
export class AppModule {}
// #endregion module
