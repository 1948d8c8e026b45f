import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** GraphQL lives in schema/, resolvers/ and src/server/ alone (docs/architecture.md, "layers"). */
const graphqlPackages = [
  'graphql',
  'graphql/*',
  'type-graphql',
  '@apollo/*',
  'graphql-ws',
  'graphql-scalars',
];
const noGraphql = {
  group: graphqlPackages,
  message: 'GraphQL is imported in schema/, resolvers/ and src/server/ alone.',
};
const noUpward = {
  group: ['**/server/**', '**/resolvers/**', '**/schema/**'],
  message:
    'Imports point one way: main -> server -> resolvers -> schema + src/query|streams|access|grids.',
};
const layer = (files, ...patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'test/generated/**',
      'test/fixtures/**',
      'src/server/playground/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
    },
  },
  layer(['src/**/*.ts'], noGraphql, noUpward),
  layer(['src/query/**/*.ts', 'src/streams/**/*.ts'], noGraphql, noUpward, {
    group: ['**/grids/**', '**/access/**'],
    message: 'src/query and src/streams know no grid and no caller.',
  }),
  layer(['src/grids/htc-grid/**/*.ts'], noGraphql, noUpward, {
    group: ['**/condor/**'],
    message: 'The grids do not know each other.',
  }),
  layer(['src/grids/condor/**/*.ts'], noGraphql, noUpward, {
    group: ['**/htc-grid/**'],
    message: 'The grids do not know each other.',
  }),
  layer(['schema/**/*.ts'], {
    group: ['**/server/**', '**/resolvers/**'],
    message: 'The schema knows no resolver and no server.',
  }),
  layer(['resolvers/**/*.ts'], {
    group: [
      '**/server/**',
      'ioredis',
      '@aws-sdk/*',
      'node:child_process',
      'node:http',
      'ws',
      'express',
    ],
    message: 'Resolvers are thin: read arguments, ask a grid, shape the answer.',
  }),
  { files: ['src/server/**/*.ts', 'src/main.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['scripts/**', 'bench/**', 'test/**'], rules: { 'no-console': 'off' } },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
);
