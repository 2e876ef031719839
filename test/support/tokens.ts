export type { TokenRequest, Tokens } from '../../src/testing/token-request.ts';
