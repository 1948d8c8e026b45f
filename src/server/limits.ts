/** Limits on the shape of documents and variables, the same for both transports. */
import {
  GraphQLError,
  Kind,
  type FragmentDefinitionNode,
  type SelectionSetNode,
  type ValidationRule,
} from 'graphql';
import type { LimitSettings } from '../config/settings.js';
import { GridError } from '../errors.js';

type Limits = Pick<LimitSettings, 'depth' | 'introspectionDepth' | 'aliases' | 'selections'>;
type Measure = Record<keyof Limits, number>;

const meanings: Record<keyof Limits, string> = {
  depth: 'levels of fields',
  introspectionDepth: 'levels of introspection fields',
  aliases: 'aliases',
  selections: 'fields',
};

/**
 * Measures each operation with its fragments counted where they are spread. A fragment is measured
 * once, so that fragments which double each other cost nothing to refuse.
 */
export const limitsRule =
  (limits: Limits): ValidationRule =>
  (context) => {
    const measured = new Map<string, Measure>();
    const visiting = new Set<string>();

    function measure(selections: SelectionSetNode | undefined): Measure {
      const sum = nothing();
      for (const selection of selections?.selections ?? []) {
        if (selection.kind === Kind.FIELD) {
          const inner = measure(selection.selectionSet);
          // Introspection is deep by nature and has an allowance of its own.
          const introspects = /^__(schema|type)$/.test(selection.name.value);
          if (introspects)
            inner.introspectionDepth = Math.max(inner.introspectionDepth, inner.depth);
          inner.depth = introspects ? 1 : inner.depth + 1;
          inner.selections += 1;
          if (selection.alias) inner.aliases += 1;
          add(sum, inner);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          add(sum, measure(selection.selectionSet));
        } else {
          add(sum, measureFragment(context.getFragment(selection.name.value)));
        }
      }
      return sum;
    }

    function measureFragment(fragment: FragmentDefinitionNode | null | undefined): Measure {
      // Unknown or circular: other rules report it.
      if (!fragment || visiting.has(fragment.name.value)) return nothing();
      const name = fragment.name.value;
      let found = measured.get(name);
      if (!found) {
        visiting.add(name);
        found = measure(fragment.selectionSet);
        visiting.delete(name);
        measured.set(name, found);
      }
      return found;
    }

    return {
      OperationDefinition(operation) {
        const found = measure(operation.selectionSet);
        for (const limit of Object.keys(meanings) as (keyof Limits)[]) {
          if (found[limit] <= limits[limit]) continue;
          const originalError = new GridError(
            'LIMIT_EXCEEDED',
            `The operation has ${found[limit]} ${meanings[limit]}; at most ${limits[limit]} are allowed. Ask for less, or in several operations.`,
          );
          // The code travels with the original error: Apollo replaces the codes of validation rules.
          context.reportError(
            new GraphQLError(originalError.message, { nodes: operation, originalError }),
          );
        }
      },
    };
  };

const nothing = (): Measure => ({ depth: 0, introspectionDepth: 0, aliases: 0, selections: 0 });

function add(sum: Measure, part: Measure): void {
  sum.depth = Math.max(sum.depth, part.depth);
  sum.introspectionDepth = Math.max(sum.introspectionDepth, part.introspectionDepth);
  sum.aliases += part.aliases;
  sum.selections += part.selections;
}

/** Throws where a document is longer than allowed; checked before it is parsed. */
export function checkDocumentSize(
  document: string,
  limits: Pick<LimitSettings, 'documentBytes'>,
): void {
  // A UTF-16 unit is at least a byte, so most documents need no count.
  const bytes =
    document.length * 3 <= limits.documentBytes ? document.length : Buffer.byteLength(document);
  if (bytes <= limits.documentBytes) return;
  throw new GridError(
    'LIMIT_EXCEEDED',
    `The document has ${bytes} bytes; at most ${limits.documentBytes} are allowed. Put values into variables.`,
  );
}

/** For a document so deep that the parser ran out of stack. */
export const tooDeepToRead = (): GridError =>
  new GridError(
    'LIMIT_EXCEEDED',
    'The document is nested too deeply to be read. Ask for less, or put values into variables.',
  );

/** Levels of lists and objects in a value from outside: what walks deeper ones could run out of stack. */
export const maxValueLevels = 200;

export function isTooDeep(value: unknown, levels = maxValueLevels): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return parts.some((part) => isTooDeep(part, levels - 1));
}
