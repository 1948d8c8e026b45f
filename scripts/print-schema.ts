/** Prints the schema to schema/schema.graphql. */
import { writeFile } from 'node:fs/promises';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { buildGraph } from '../resolvers/index.js';

const file = new URL('../schema/schema.graphql', import.meta.url);
await writeFile(file, `${printSchema(lexicographicSortSchema(await buildGraph()))}\n`);
