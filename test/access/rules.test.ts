/** The rules of root fields: what each role may, and that no field is without one. */
import { buildSchema, graphql, subscribe, parse, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { Caller, Role } from '../../src/access/caller.js';
import { enforce, rules, type Rule } from '../../src/access/rules.js';
import { guardRoots } from '../../src/server/rules.js';

const caller = (...roles: Role[]): Caller => ({
  identity: 'someone',
  roles,
  scopes: [],
  expiresAt: null,
});

describe('enforce', () => {
  const table: Record<Rule, readonly boolean[]> = {
    //       none  reader user  admin
    anyone: [true, true, true, true],
    own: [false, true, true, true],
    read: [false, true, true, true],
    act: [false, false, true, true],
    admin: [false, false, false, true],
  };
  const callers = [caller(), caller('reader'), caller('user'), caller('admin')];

  it.each(rules)('%s allows the roles it names', (rule) => {
    const allowed = callers.map((each) => {
      try {
        enforce(rule, each, 'Query.x');
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'FORBIDDEN' });
        expect((error as Error).message).toMatch(/^Query.x needs the role .*admin; someone has /);
        return false;
      }
    });
    expect(allowed).toEqual(table[rule]);
  });

  it('refuses a caller whose token has expired, whatever the rule', () => {
    const late: Caller = { ...caller('admin'), expiresAt: Date.now() - 1 };
    for (const rule of rules) {
      expect(() => enforce(rule, late)).toThrow(
        expect.objectContaining({ code: 'UNAUTHENTICATED' }),
      );
    }
  });
});

describe('guardRoots', () => {
  const schemaWith = (rule: unknown): GraphQLSchema => {
    const schema = buildSchema('type Query { x: Int } type Subscription { s: Int }');
    Object.assign(schema.getQueryType()?.getFields()['x'] ?? {}, {
      resolve: () => 1,
      extensions: { rule },
    });
    Object.assign(schema.getSubscriptionType()?.getFields()['s'] ?? {}, {
      subscribe: async function* () {
        yield { s: 1 };
      },
      extensions: { rule },
    });
    return schema;
  };

  it.each([undefined, 'everybody', 7])(
    'refuses a schema with a root field whose rule is %j',
    (rule) => {
      expect(() => guardRoots(schemaWith(rule))).toThrow(
        /without a rule.*Query\.x, Subscription\.s/,
      );
    },
  );

  it('asks the rule before the field, for queries and subscriptions', async () => {
    const schema = schemaWith('act');
    guardRoots(schema);
    const run = (who: Caller) =>
      graphql({ schema, source: '{ x }', contextValue: { caller: who } });
    expect((await run(caller('user'))).data).toEqual({ x: 1 });
    expect((await run(caller('reader'))).errors?.[0]?.originalError).toMatchObject({
      code: 'FORBIDDEN',
    });
    const stream = (who: Caller) =>
      subscribe({ schema, document: parse('subscription { s }'), contextValue: { caller: who } });
    expect(await stream(caller('reader'))).toMatchObject({
      errors: [{ message: /needs the role/ }],
    });
    expect(Symbol.asyncIterator in (await stream(caller('user')))).toBe(true);
  });

  it('guards a field once, however often it is called', async () => {
    const schema = schemaWith('own');
    guardRoots(schema);
    const first = schema.getQueryType()?.getFields()['x']?.resolve;
    guardRoots(schema);
    expect(schema.getQueryType()?.getFields()['x']?.resolve).toBe(first);
  });
});
