/** Puts the meaning of a grid's fields, as its own table tells it, on the fields of the graph. */
import { type GraphQLSchema, isObjectType } from 'graphql';
import { describe, jobFields, slotFields } from '../src/grids/condor/index.js';
import { taskFields, type TaskField } from '../src/grids/htc-grid/index.js';

const texts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Task: mapped<TaskField<unknown>>(taskFields, ofTask),
  Job: mapped(jobFields, describe),
  Slot: mapped(slotFields, describe),
};

/** TypeGraphQL makes the root types itself, without words. */
const rootTexts = (schema: GraphQLSchema) =>
  [
    [schema.getQueryType(), 'What can be asked. A grid that is down never erases the others.'],
    [schema.getMutationType(), 'What can be done: only by callers who may act, on their own work.'],
    [schema.getSubscriptionType(), 'What can be followed, each as frames that carry a cursor.'],
  ] as const;

export function describeFields(schema: GraphQLSchema): void {
  for (const [type, text] of rootTexts(schema)) if (type) type.description = text;
  for (const [name, descriptions] of Object.entries(texts)) {
    const type = schema.getType(name);
    if (!isObjectType(type)) throw new Error(`The graph has no type ${name}.`);
    for (const field of Object.values(type.getFields())) {
      field.description = descriptions[field.name] ?? field.description;
    }
  }
}

function mapped<F>(
  table: Readonly<Record<string, F>>,
  text: (field: F) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(table).map(([name, field]) => [name, text(field)]));
}

function ofTask({ description, unit, attributes, whenNull }: TaskField<unknown>): string {
  return [
    description,
    ...(unit === 'ms' ? ['Unit: milliseconds.'] : []),
    ...(attributes.length > 0 ? [`From ${attributes.join(', ')}.`] : []),
    ...(whenNull === null ? [] : [`Null ${whenNull}.`]),
  ].join(' ');
}
