/** The house's import rules. CONTRIBUTING.md, "Who may import whom", gives the reasons. */
const see = 'See CONTRIBUTING.md, "Who may import whom".';

/** A layer may import itself, the shared layer, and what is listed; packages are another matter. */
const layer = (name, allowed) => ({
  name: `${name.replaceAll('/', '-')}-imports`,
  severity: 'error',
  comment: `${name} may import only ${['itself', ...allowed].join(', ')}. ${see}`,
  from: { path: `^${name}/` },
  to: { path: '^src-', pathNot: [name, ...allowed].map((folder) => `^${folder}/`) },
});

module.exports = {
  forbidden: [
    layer('src-shared', []),
    layer('src-renderer', ['src-shared']),
    layer('src-main/formats', ['src-shared']),
    layer('src-main/compute', ['src-shared', 'src-main/formats']),
    layer('src-main/interop', ['src-shared', 'src-main/formats', 'src-main/compute']),
    layer('src-main/worker', ['src-shared', 'src-main/formats', 'src-main/compute', 'src-main/interop']),
    layer('src-main/engine', ['src-shared', 'src-main/formats']),
    layer('src-main/server', ['src-shared', 'src-main/engine', 'src-main/formats']),
    layer('src-main/cli', ['src-shared', 'src-main/formats', 'src-main/engine', 'src-main/server']),
    layer('src-main/electron', ['src-shared', 'src-main/formats', 'src-main/engine', 'src-main/server']),
    {
      name: 'no-circles',
      severity: 'error',
      comment: `Two files that need each other are one file, or want a third. ${see}`,
      from: { path: '^src-' },
      to: { circular: true },
    },
    {
      name: 'only-electron-imports-electron',
      severity: 'error',
      comment: `The desktop door is the only one that knows Electron. ${see}`,
      from: { path: '^src-', pathNot: '^src-main/electron/' },
      to: { path: '(^|node_modules/)electron(/|$)' },
    },
    {
      name: 'shared-is-pure',
      severity: 'error',
      comment: `src-shared runs everywhere: of packages it imports zod, d3, fflate and yaml, which are pure, and nothing of Node. ${see}`,
      from: { path: '^src-shared/' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'core', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '(^|/)node_modules/(@types/)?(zod|d3|d3-[a-z-]+|fflate|yaml)/',
      },
    },
    {
      name: 'renderer-knows-no-node',
      severity: 'error',
      comment: `The renderer is sandboxed. ${see}`,
      from: { path: '^src-renderer/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nothing-missing',
      severity: 'error',
      comment: 'This import leads nowhere.',
      from: { path: '^src-' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      comment: `What runs from source must be in "dependencies" (the renderer is bundled, so it may use development packages).`,
      from: { path: '^src-(main|shared)/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only', 'npm', 'npm-optional'],
        pathNot: 'node_modules/(@types/|electron/)',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    extraExtensionsToScan: ['.svelte'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  },
};
