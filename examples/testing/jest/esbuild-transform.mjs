// Takes the types out of TypeScript and leaves the modules as they are. Any transformer that does so will do.
import { transformSync } from 'esbuild';

export default {
  process: (source, path) => ({
    code: transformSync(source, {
      loader: 'ts',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      sourcefile: path,
    }).code,
  }),
};
