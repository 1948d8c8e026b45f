/** Directions, shared by the orders of all lists. */
import { registerEnumType } from 'type-graphql';
import { closedEnum } from './enums.js';

export const Direction = closedEnum(['ASC', 'DESC']);
registerEnumType(Direction, {
  name: 'Direction',
  description:
    'Which end comes first. A missing value is last upwards, first downwards; ids break ties upwards.',
  valuesConfig: {
    ASC: { description: 'Smallest, earliest or alphabetically first at the front.' },
    DESC: { description: 'Largest, latest or alphabetically last at the front.' },
  },
});
export type Direction = keyof typeof Direction;
