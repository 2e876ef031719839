export { createProvider, loadProvider } from '../../src/testing/quiet-provider.ts';
