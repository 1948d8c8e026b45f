/** What variables are refused for before graphql-js coerces them. */
import {
  type GraphQLInputType,
  type GraphQLSchema,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';
import { GridError } from '../errors.js';
import { isTooDeep, maxValueLevels } from './limits.js';

/** Input objects are filters, keys and edits, few by nature; each one more costs some microseconds before any of their own limits. */
const maxInputObjects = 2_000;

type Variables = Readonly<Record<string, unknown>> | null | undefined;

/** Nested deeper or more than anything sensible, or with fields that nothing has. */
export function refusalOfVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Variables,
): GridError | undefined {
  if (isTooDeep(variables)) {
    return new GridError(
      'LIMIT_EXCEEDED',
      `The variables have more than ${maxValueLevels} levels of lists and objects. Send what is deeper as text.`,
    );
  }
  const seen = { objects: 0 };
  for (const { variable, type: node } of variableDefinitions) {
    const name = variable.name.value;
    const type = typeFromAST(schema, node);
    const refusal = isInputType(type) && refusalOf(type, variables?.[name], `$${name}`, seen);
    if (refusal) return refusal;
  }
  return undefined;
}

/** graphql-js would write the whole object into the error of each field that it does not know: some megabytes, many times. */
function refusalOf(
  type: GraphQLInputType,
  value: unknown,
  place: string,
  seen: { objects: number },
): GridError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isNonNullType(type)) return refusalOf(type.ofType, value, place, seen);
  if (isListType(type)) {
    if (!Array.isArray(value)) return refusalOf(type.ofType, value, place, seen);
    return first(value, (item, index) => refusalOf(type.ofType, item, `${place}[${index}]`, seen));
  }
  if (!isInputObjectType(type) || Array.isArray(value)) return undefined;
  seen.objects += 1;
  if (seen.objects > maxInputObjects) {
    return new GridError(
      'LIMIT_EXCEEDED',
      `The variables have more than ${maxInputObjects} input objects (${type.name} is one). Split the request.`,
    );
  }
  const fields = type.getFields();
  return first(Object.entries(value), ([name, inner]) => {
    const field = fields[name];
    if (field) return refusalOf(field.type, inner, `${place}.${name}`, seen);
    return new GridError(
      'BAD_USER_INPUT',
      `${place}: Expected a field of ${type.name} (${Object.keys(fields).join(', ')}), came ${JSON.stringify(name.slice(0, 80))}.`,
    );
  });
}

/** What the first item gives that gives something. */
function first<Item, Found>(
  items: readonly Item[],
  find: (item: Item, index: number) => Found | undefined,
): Found | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
