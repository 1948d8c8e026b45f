/** Puts the rule of every root field before its resolver; a schema with an unguarded root field does not start. */
import type { GraphQLField, GraphQLSchema } from 'graphql';
import type { Caller } from '../access/caller.js';
import { enforce, isRule, rules } from '../access/rules.js';

/** Root fields carry `extensions: { rule }`. Every context has the caller. */
export function guardRoots(schema: GraphQLSchema): void {
  const unguarded = rootFields(schema).filter(({ field }) => !isRule(field.extensions['rule']));
  if (unguarded.length > 0) {
    const names = unguarded.map(({ name }) => name).join(', ');
    throw new Error(`Root fields without a rule (extensions.rule: ${rules.join(' | ')}): ${names}`);
  }
  for (const { name, field } of rootFields(schema)) guard(name, field);
}

interface RootField {
  readonly name: string;
  readonly field: GraphQLField<unknown, { readonly caller: Caller }>;
}

const rootFields = (schema: GraphQLSchema): readonly RootField[] =>
  [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      name: `${type?.name}.${field.name}`,
      field,
    })),
  );

const guarded = new WeakSet<object>();

function guard(name: string, field: RootField['field']): void {
  const { rule } = field.extensions;
  if (!isRule(rule) || guarded.has(field)) return;
  guarded.add(field);
  const { resolve, subscribe } = field;
  if (subscribe) {
    // The events of a subscription were asked for once; each is not asked again.
    field.subscribe = (source, args, context, info): unknown => {
      enforce(rule, context.caller, name);
      return subscribe(source, args, context, info);
    };
    return;
  }
  if (!resolve) throw new Error(`${name} has no resolver.`);
  field.resolve = (source, args, context, info): unknown => {
    enforce(rule, context.caller, name);
    return resolve(source, args, context, info);
  };
}
