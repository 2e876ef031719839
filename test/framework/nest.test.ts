import { HttpException } from '@nestjs/common';
import { AbstractHttpAdapter } from '@nestjs/core';
import { ResourceServerException } from 'oidc-resource-server/nest';
import { describe, expect, it } from 'vitest';
import { frameworkContract } from './framework-contract.ts';
import { type Platform, PLATFORMS, startNest } from './nest-contract.ts';

// vitest.config.ts runs this file twice: with NestJS 12, and with every package of Nest resolved to NestJS 11.
const version = process.env.NEST_UNDER_TEST ?? '12';

describe.each(Object.keys(PLATFORMS) as Platform[])(`NestJS ${version} on %s`, (platform) => {
  frameworkContract({ describe, it }, startNest(platform));

  it('is the version that it says, in the adapter and in the application', () => {
    // NestJS 12 gave exceptions an error code.
    expect('initErrorCode' in HttpException.prototype).toBe(version === '12');
    expect(Object.getPrototypeOf(ResourceServerException)).toBe(HttpException);
    expect(PLATFORMS[platform].prototype).toBeInstanceOf(AbstractHttpAdapter);
  });
});
