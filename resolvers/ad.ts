/** Attributes of ads as they are, on everything that has an ad behind it. */
import { Arg, type ClassType, FieldResolver, Resolver, Root } from 'type-graphql';
import { GridError } from '../src/errors.js';
import type { Row } from '../src/grids/row.js';
import { AdAttribute } from '../schema/ad.js';
import { Job } from '../schema/job.js';
import { Slot } from '../schema/machine.js';
import { PoolAd } from '../schema/pool-ad.js';
import { JSONValue } from '../schema/scalars.js';

const maxNames = 500;

function adOf(type: ClassType) {
  @Resolver(() => type)
  class OfAd {
    @FieldResolver(() => AdAttribute, { description: 'One attribute of the ad.' })
    attribute(
      @Root() row: Row,
      @Arg('name', () => String, { description: 'Its name; upper and lower case are the same.' })
      name: string,
    ) {
      return recordOf(row).attribute(name);
    }

    @FieldResolver(() => [AdAttribute], {
      description: 'Some attributes of the ad, in the order asked for.',
    })
    attributes(
      @Root() row: Row,
      @Arg('names', () => [String], { description: 'Their names, at most 500.' })
      names: readonly string[],
    ) {
      return checked(names).map((name) => recordOf(row).attribute(name));
    }

    @FieldResolver(() => JSONValue, {
      description:
        'The ad as a JSON object: expressions as their text, hidden attributes left out, undefined ones null.',
    })
    classAd(
      @Root() row: Row,
      @Arg('names', () => [String], {
        nullable: true,
        description: 'Only these attributes, at most 500; all when left out.',
      })
      names: readonly string[] | null | undefined,
    ) {
      const record = recordOf(row);
      if (names == null) return record.json();
      return Object.fromEntries(
        checked(names)
          .map((name) => record.attribute(name))
          .filter(({ redacted }) => !redacted)
          .map(({ name, defined, expression, value }) => [
            name,
            defined ? (expression ?? value) : null,
          ]),
      );
    }
  }
  return OfAd;
}

export const adResolvers = [adOf(Job), adOf(Slot), adOf(PoolAd)] as const;

function recordOf({ record, __typename }: Row): NonNullable<Row['record']> {
  if (record) return record;
  throw new Error(`A row of ${__typename} came without its ad.`);
}

function checked(names: readonly string[]): readonly string[] {
  if (names.length <= maxNames) return names;
  throw new GridError(
    'LIMIT_EXCEEDED',
    `Expected at most ${maxNames} attribute names, came ${names.length}.`,
  );
}
