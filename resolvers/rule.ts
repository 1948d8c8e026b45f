/** Puts an access rule on a root field; the server asks it before the field and starts with none left out. */
import { Extensions } from 'type-graphql';
import type { Rule } from '../src/access/rules.js';

export const Guard = (rule: Rule): MethodDecorator & PropertyDecorator & ClassDecorator =>
  Extensions({ rule });
