// Draws docs/architecture.svg and writes the table of layers into docs/architecture.md, both from the imports that src/ has.
// `--check` writes nothing and fails where they are not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { LAYERS, layerOf, readModules } from './layers.mjs';

const DRAWING = 'docs/architecture.svg';
const PAGE = 'docs/architecture.md';
const MEANINGS = {
  ground: 'what everything speaks of',
  settings: 'reading and checking settings',
  contracts: 'what drivers have to keep',
  key: 'our own private keys',
  'authorization-server': 'everything that we ask it',
  endpoint: 'what we publish',
  backend: 'token to claims to user',
  authentication: 'the five steps',
  drivers: 'frameworks, HTTP, user stores',
  composition: 'puts everything together',
};
/** Where the boxes stand: rows from the top, three columns. */
const ROWS = [
  [undefined, 'composition'],
  [undefined, 'authentication'],
  [undefined, 'backend'],
  ['drivers', 'authorization-server', 'endpoint'],
  [undefined, undefined, 'key'],
  ['contracts', 'settings'],
  [undefined, 'ground'],
];
const NAMES = ROWS.flat().filter((name) => name !== undefined);

const layers = new Map(
  LAYERS.map(({ name }) => [name, { modules: [], imports: new Set(), packages: new Set() }]),
);
for (const { source, dependencies } of await readModules()) {
  const name = layerOf(source).name;
  const layer = layers.get(name);
  layer.modules.push(source.replace(/^src\/|\.ts$/g, ''));
  for (const { resolved, module, coreModule } of dependencies) {
    if (coreModule) continue;
    if (!resolved.startsWith('src/')) layer.packages.add(/^(@[^/]+\/)?[^/]+/.exec(module)[0]);
    else if (layerOf(resolved).name !== name) layer.imports.add(layerOf(resolved).name);
  }
}

const drawing = draw();
const before = readFileSync(PAGE, 'utf8');
const page = before.replace(
  /(<!-- layers: begin[^>]*-->\n).*(<!-- layers: end -->)/s,
  (_, begin, end) => `${begin}\n${table()}\n${end}`,
);
if (process.argv.includes('--check')) {
  const known = readFileSync(DRAWING, 'utf8');
  if (known !== drawing || squeezed(page) !== squeezed(before)) {
    console.error(`${DRAWING} and ${PAGE} are not what src/ imports: npm run docs:architecture`);
    process.exit(1);
  }
  console.log('Architecture: the drawing and the table show the imports of src/.');
} else {
  writeFileSync(DRAWING, drawing);
  writeFileSync(PAGE, page);
}

/** Prettier pads tables; that is no difference. */
function squeezed(text) {
  return text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
}

function table() {
  const rows = NAMES.map((name) => {
    const { modules, imports, packages } = layers.get(name);
    const files = folded(modules).map((file) => `\`${file}\``);
    const targets = [
      ...LAYERS.map((layer) => layer.name).filter((layer) => imports.has(layer)),
      ...[...packages].sort(),
    ];
    return `| \`${name}\` | ${MEANINGS[name]} | ${files.join(', ')} | ${targets.join(', ') || 'nothing'} |`;
  });
  return ['| layer | what it is | files | imports in fact |', '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  );
}

/** `a/b, a/c, a/d, e` → `a/*, e`, where the layer has the whole folder. */
function folded(modules) {
  const folders = new Map();
  for (const module of modules) {
    const folder = module.includes('/') ? module.split('/')[0] : module;
    folders.set(folder, [...(folders.get(folder) ?? []), module]);
  }
  const all = [...layers.values()].flatMap((layer) => layer.modules);
  return [...folders].flatMap(([folder, files]) => {
    const whole = all.filter((module) => module.startsWith(`${folder}/`)).length;
    return whole > 1 && files.filter((file) => file.includes('/')).length === whole ? [`${folder}/*`] : files;
  });
}

/** The imports that do not follow from others: an arrow from a to c is left out where a imports b and b imports c. */
function arrows() {
  const reaches = (from, to, seen = new Set()) =>
    [...layers.get(from).imports].some(
      (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
    );
  return [...layers].flatMap(([from, { imports }]) =>
    [...imports]
      .filter((to) => ![...imports].some((other) => other !== to && reaches(other, to)))
      .map((to) => [from, to]),
  );
}

function draw() {
  const WIDTH = 840;
  const BOX = { width: 250, height: 52 };
  const STEP = 92;
  const boxes = new Map();
  ROWS.forEach((row, y) => {
    row.forEach((name, x) => name !== undefined && boxes.set(name, { x: 140 + 280 * x, y: 24 + y * STEP }));
  });
  const free = (x, isOnTheWay) => ![...boxes.values()].some((box) => box.x === x && isOnTheWay(box.y));
  const lines = arrows().map(([from, to]) => {
    const [start, end] = [boxes.get(from), boxes.get(to)];
    const side = Math.sign(end.x - start.x);
    const [top, bottom] = [end.y - 3, start.y + BOX.height];
    if (side !== 0 && free(end.x, (y) => y >= start.y && y < end.y)) {
      const [x, y] = [start.x + (side * BOX.width) / 2, start.y + BOX.height / 2];
      return `  <path d="M${x} ${y} Q${end.x} ${y} ${end.x} ${top}" />`;
    }
    if (side !== 0 && free(start.x, (y) => y > start.y && y <= end.y)) {
      const [x, y] = [end.x - side * (BOX.width / 2 + 3), end.y + BOX.height / 2];
      return `  <path d="M${start.x} ${bottom} Q${start.x} ${y} ${x} ${y}" />`;
    }
    const middle = (bottom + top) / 2;
    const [x1, x2] = [start.x + side * 60, end.x - side * 60];
    return `  <path d="M${x1} ${bottom} C${x1} ${middle} ${x2} ${middle} ${x2} ${top}" />`;
  });
  const shapes = NAMES.map((name) => {
    const { x, y } = boxes.get(name);
    return `  <g transform="translate(${x - BOX.width / 2} ${y})">
    <rect width="${BOX.width}" height="${BOX.height}" rx="8" />
    <text x="16" y="22" class="name">${name}</text>
    <text x="16" y="41">${MEANINGS[name]}</text>
  </g>`;
  });
  const height = 24 + (ROWS.length - 1) * STEP + BOX.height + 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
  <title>The layers of src/ from the top down, with an arrow for each import that does not follow from others</title>
  <style>
    rect { fill: #f6f8fa; stroke: #57606a; }
    path { fill: none; stroke: #57606a; stroke-width: 1.5; marker-end: url(#head); }
    text { font: 13px system-ui, sans-serif; fill: #424a53; }
    .name { font-weight: 600; fill: #1f2328; }
  </style>
  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill:#57606a;stroke:none;marker-end:none" /></marker></defs>
  <rect width="${WIDTH}" height="${height}" style="fill:#ffffff;stroke:none" />
${lines.join('\n')}
${shapes.join('\n')}
</svg>
`;
}
