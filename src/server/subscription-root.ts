/** Subscriptions always have their root field: one that @skip or @include left out has no stream to be read from. */
import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
  type ValidationRule,
} from 'graphql';

export const subscriptionRootRule: ValidationRule = (context) => ({
  OperationDefinition({ operation, selectionSet }) {
    if (operation !== OperationTypeNode.SUBSCRIPTION) return;
    const seen = new Set<string>();
    check(selectionSet);

    function check(root: SelectionSetNode | undefined): void {
      for (const selection of root?.selections ?? []) {
        for (const directive of selection.directives ?? []) {
          const name = directive.name.value;
          if (name !== 'skip' && name !== 'include') continue;
          const message = `The root field of a subscription can't be left out: remove @${name}.`;
          context.reportError(new GraphQLError(message, { nodes: directive }));
        }
        if (selection.kind === Kind.INLINE_FRAGMENT) check(selection.selectionSet);
        if (selection.kind !== Kind.FRAGMENT_SPREAD || seen.has(selection.name.value)) continue;
        seen.add(selection.name.value);
        check(context.getFragment(selection.name.value)?.selectionSet);
      }
    }
  },
});
