import { defineConfig } from 'vitest/config';

// `graphql` 16 has no `exports`: Vite resolves index.mjs and Node index.js, and two copies of the
// module refuse each other's schemas. The alias makes it one.
export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/real/not-run-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
