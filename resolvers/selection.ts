/** Look-ahead: what a selection asks for, with fragments, directives, aliases and arguments worked out. */
import {
  getArgumentValues,
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLInterfaceType,
  GraphQLObjectType,
  GraphQLSkipDirective,
  getNamedType,
  Kind,
} from 'graphql';
import type { FieldNode, GraphQLResolveInfo, SelectionNode, SelectionSetNode } from 'graphql';

type Composite = GraphQLObjectType | GraphQLInterfaceType;

/** One field of a selection: `key` is its response key (the alias where there is one). */
export interface Selected {
  readonly name: string;
  readonly key: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The fields selected below it, those of fragments on any of its types included. */
  readonly children: () => readonly Selected[];
}

/** The fields below the one that is being resolved. */
export function selection(info: GraphQLResolveInfo): readonly Selected[] {
  const type = getNamedType(info.returnType);
  return isComposite(type) ? below(type, info.fieldNodes, info) : [];
}

/** The fields of that name, or of no name in particular: under `edges { node }` say `['edges', 'node']`. */
export const along = (
  selected: readonly Selected[],
  ...path: readonly string[]
): readonly Selected[] =>
  path.reduce<readonly Selected[]>(
    (level, name, depth) =>
      (depth === 0 ? level : level.flatMap((field) => field.children())).filter(
        (field) => field.name === name,
      ),
    selected,
  );

function below(
  type: Composite,
  nodes: readonly FieldNode[],
  info: GraphQLResolveInfo,
): readonly Selected[] {
  const found = new Map<string, { type: Composite; nodes: FieldNode[] }>();
  for (const { selectionSet } of nodes) if (selectionSet) collect(type, selectionSet, info, found);
  return [...found].flatMap(([key, field]) => {
    const [node] = field.nodes;
    const definition = node && field.type.getFields()[node.name.value];
    if (!definition) return []; // __typename
    const childType = getNamedType(definition.type);
    return {
      name: definition.name,
      key,
      args: getArgumentValues(definition, node, info.variableValues),
      children: () => (isComposite(childType) ? below(childType, field.nodes, info) : []),
    };
  });
}

function collect(
  type: Composite,
  { selections }: SelectionSetNode,
  info: GraphQLResolveInfo,
  found: Map<string, { type: Composite; nodes: FieldNode[] }>,
): void {
  for (const selected of selections) {
    if (!isIncluded(selected, info)) continue;
    if (selected.kind === Kind.FIELD) {
      const key = selected.alias?.value ?? selected.name.value;
      const known = found.get(key);
      if (known) known.nodes.push(selected);
      else found.set(key, { type, nodes: [selected] });
      continue;
    }
    const fragment =
      selected.kind === Kind.INLINE_FRAGMENT ? selected : info.fragments[selected.name.value];
    if (!fragment) continue;
    const condition =
      fragment.typeCondition && info.schema.getType(fragment.typeCondition.name.value);
    collect(isComposite(condition) ? condition : type, fragment.selectionSet, info, found);
  }
}

function isIncluded(node: SelectionNode, { variableValues }: GraphQLResolveInfo): boolean {
  const skip = getDirectiveValues(GraphQLSkipDirective, node, variableValues);
  const include = getDirectiveValues(GraphQLIncludeDirective, node, variableValues);
  return skip?.['if'] !== true && include?.['if'] !== false;
}

const isComposite = (type: unknown): type is Composite =>
  type instanceof GraphQLObjectType || type instanceof GraphQLInterfaceType;

/** The field that is being resolved, as its parent's selection would list it. */
export const selectionItself = (info: GraphQLResolveInfo): Selected => ({
  name: info.fieldName,
  key: String(info.path.key),
  args: {},
  children: () => selection(info),
});
