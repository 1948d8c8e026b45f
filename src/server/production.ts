/** Loads libraries as for production, whatever NODE_ENV says about the rest of the program. */

/**
 * graphql-js decides when it is loaded: outside of production every test of a type also looks for a second
 * copy of graphql-js, which takes a quarter of the time of a list (docs/performance.md). This package has one.
 */
export async function forProduction<Module>(load: () => Promise<Module>): Promise<Module> {
  const { NODE_ENV } = process.env;
  process.env['NODE_ENV'] = 'production';
  try {
    return await load();
  } finally {
    if (NODE_ENV === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = NODE_ENV;
  }
}
