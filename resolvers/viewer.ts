/** Who asks. */
import { Ctx, Query, Resolver } from 'type-graphql';
import { Viewer } from '../schema/viewer.js';
import type { GraphContext } from './context.js';
import { Guard } from './rule.js';

@Resolver()
export class ViewerResolver {
  @Query(() => Viewer, { description: 'The caller, as this server knows them.' })
  @Guard('anyone')
  viewer(@Ctx() { caller }: GraphContext) {
    return caller;
  }
}
