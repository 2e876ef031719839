// The same API on NestJS.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks();
const server = (await app.listen(process.env.PORT ?? 3000)) as Server;
console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
