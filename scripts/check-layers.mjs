// Checks that imports in src/ point downward only, as docs/architecture.md draws it. `import type` counts.
import { layerOf, ONE_FILE, readModules, SEVERAL_FILES } from './layers.mjs';

const problems = [];
const modules = await readModules();
for (const { source, dependencies } of modules) {
  const layer = layerOf(source);
  if (layer === undefined) {
    problems.push(`${source} is in no layer: add it to scripts/layers.mjs`);
    continue;
  }
  for (const dependency of dependencies) {
    const problem = problemOf(source, layer, dependency);
    if (problem !== undefined) problems.push(`${source} imports ${dependency.resolved}: ${problem}`);
    if (dependency.circular) problems.push(`${source} and ${dependency.resolved} import each other`);
  }
}

function problemOf(source, layer, { resolved, module, coreModule, dependencyTypes }) {
  if (coreModule) return undefined;
  if (!resolved.startsWith('src/')) {
    const name = /^(@[^/]+\/)?[^/]+/.exec(module)[0];
    const files = SEVERAL_FILES[name] ?? (name in ONE_FILE ? new RegExp(`^${ONE_FILE[name]}$`) : undefined);
    const known = layer.packages?.includes('*') ? files !== undefined : layer.packages?.includes(name);
    if (!known) return `${layer.name} may not import the package ${name}`;
    return files === undefined || files.test(source) ? undefined : `only ${files.source} may`;
  }
  const target = layerOf(resolved);
  if (target === undefined) return 'it is in no layer';
  if (target === layer) {
    if (layer.name !== 'drivers' || new RegExp(layer.within).test(resolved)) return undefined;
    return 'drivers do not import each other';
  }
  if (layer.below.includes(target.name) || layer.below.includes('.*')) return undefined;
  if (dependencyTypes.includes('type-only') && layer.types?.some((path) => new RegExp(path).test(resolved))) {
    return undefined;
  }
  return `${layer.name} is not above ${target.name}`;
}

if (problems.length > 0) {
  console.error(problems.map((problem) => `- ${problem}`).join('\n'));
  process.exit(1);
}
console.log(`Layers: ${modules.length} modules, every import points downward.`);
