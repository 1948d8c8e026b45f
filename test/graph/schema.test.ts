/** The schema as a contract: printed, described, guarded, and the same as what was generated from it. */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { generate, loadContext } from '@graphql-codegen/cli';
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildGraph } from '../../resolvers/index.js';
import { nodeRules } from '../../resolvers/node.js';
import { isRule } from '../../src/access/rules.js';
import { errorCodes } from '../../src/errors.js';

let schema: GraphQLSchema;
beforeAll(async () => {
  schema = await buildGraph();
});

type Generated = readonly { readonly filename: string; readonly content: string }[];

const read = (path: string): string => readFileSync(path, 'utf8');

describe('what is printed and generated', () => {
  it('schema/schema.graphql is the schema of the server (npm run schema:print)', () => {
    expect(read('schema/schema.graphql')).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
  });

  it('the typed operations of test/generated are those of the schema and the documents (npm run codegen)', async () => {
    const context = await loadContext('codegen.yml');
    const files = (await generate({ ...context.getConfig(), silent: true }, false)) as Generated;
    expect(files.length).toBeGreaterThan(0);
    for (const { filename, content } of files) {
      expect(read(filename), relative('.', filename)).toBe(content);
    }
  });
});

interface Described {
  readonly name: string;
  readonly description: string | null | undefined;
}

/** A type and all that it is made of, each under its path. */
function partsOf(type: GraphQLNamedType): readonly Described[] {
  const under = (part: Described): Described => ({ ...part, name: `${type.name}.${part.name}` });
  if (isEnumType(type)) return [type, ...type.getValues().map(under)];
  if (isInputObjectType(type)) return [type, ...Object.values(type.getFields()).map(under)];
  if (!isObjectType(type) && !isInterfaceType(type)) return [type];
  const fields = Object.values(type.getFields());
  const args = fields.flatMap((field) =>
    field.args.map(({ name, description }) => ({ name: `${field.name}(${name}:)`, description })),
  );
  return [type, ...fields.map(under), ...args.map(under)];
}

const builtIn = /^(__.*|ID|Int|Float|String|Boolean)$/;
const ownTypes = (): readonly GraphQLNamedType[] =>
  Object.values(schema.getTypeMap()).filter(({ name }) => !builtIn.test(name));

describe('descriptions', () => {
  it('every type, field, argument, enum value and input field says what it means', () => {
    const parts = ownTypes().flatMap(partsOf);
    expect(parts.length).toBeGreaterThan(500);
    const silent = parts.filter(({ description }) => (description ?? '').trim().length < 3);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('every description ends as a sentence', () => {
    const open = ownTypes()
      .flatMap(partsOf)
      .filter(({ description }) => !/[.!?]$/.test(description ?? ''));
    expect(open.map(({ name }) => name)).toEqual([]);
  });
});

describe('rules', () => {
  const roots = () => [
    schema.getQueryType(),
    schema.getMutationType(),
    schema.getSubscriptionType(),
  ];

  it('every root field has one of the closed set', () => {
    const fields = roots().flatMap((type) => Object.values(type?.getFields() ?? {}));
    expect(fields.length).toBeGreaterThan(15);
    const unguarded = fields.filter(({ extensions }) => !isRule(extensions['rule']));
    expect(unguarded.map(({ name }) => name)).toEqual([]);
  });

  it('everything that changes a grid asks for the right to act', () => {
    for (const { name, extensions } of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      expect(extensions['rule'], name).toBe('act');
    }
  });

  it('every type that node() can give says who may see it, and no other does', () => {
    const node = schema.getType('Node');
    if (!isInterfaceType(node)) throw new Error('Node is no interface.');
    const names = schema.getPossibleTypes(node).map(({ name }) => name);
    expect(Object.keys(nodeRules).sort()).toEqual([...names].sort());
  });
});

describe.skipIf(!existsSync('README.md') || !/^#+ Error codes$/m.test(read('README.md')))(
  'the error codes of the README',
  () => {
    it('are those of src/errors.ts, with the same meaning', () => {
      const [, section = ''] = read('README.md').split(/^#+ Error codes$/m);
      const [table = ''] = section.split(/^#+ /m);
      const rows = [...table.matchAll(/^\| `([A-Z_]+)` *\| (.*?) *\|$/gm)];
      expect(Object.fromEntries(rows.map(([, code, meaning]) => [code, meaning]))).toEqual(
        errorCodes,
      );
    });
  },
);
