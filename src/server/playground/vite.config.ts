/** Builds the playground into dist/playground: static files that ask nothing of any other host. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  plugins: [react()],
  worker: { format: 'es' },
  build: {
    outDir: '../../../dist/playground',
    emptyOutDir: true,
    sourcemap: false,
    // Monaco is one big chunk by nature.
    chunkSizeWarningLimit: 8_000,
    rolldownOptions: {
      // GraphiQL's "use no memo" speaks to the React compiler, which does not run here.
      checks: { moduleLevelDirective: false },
    },
  },
});
