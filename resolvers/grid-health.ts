/** The stream of how the grids are. */
import { Resolver, Root, Subscription } from 'type-graphql';
import type { GridState } from '../src/grids/health-watch.js';
import { type ChangedFrame, values } from '../src/streams/index.js';
import { Grid } from '../schema/grid.js';
import type { GraphContext } from './context.js';
import { gridNode } from './grid.js';
import { Guard } from './rule.js';
import { streamOptions } from './stream-options.js';

@Resolver()
export class GridHealthResolver {
  @Subscription(() => Grid, {
    description:
      'Each grid as it is, then again whenever its health or that of one of its components is another; changes in between may be skipped, the last never is. While somebody watches, each grid is asked every 5 seconds, once for all who do.',
    subscribe: ({ context }: { context: GraphContext }) => {
      context.health.hold(context.signal);
      return values(context.health, streamOptions({}, context));
    },
  })
  @Guard('read')
  gridHealthChanged(@Root() { value: { grid, health } }: ChangedFrame<GridState>) {
    return { ...gridNode(grid), found: health };
  }
}
