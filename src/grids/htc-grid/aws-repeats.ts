/** Which calls the AWS clients make again by themselves: those that broke off or met a failure of the service. */
import type { DynamoDBClientResolvedConfig } from '@aws-sdk/client-dynamodb';

type Strategy = Awaited<ReturnType<DynamoDBClientResolvedConfig['retryStrategy']>>;

/**
 * A call that got no answer in its time is not made again: four of them are longer than anybody waits.
 * @param throttled whether one that was told to slow down is
 */
export function repeatsOf(
  strategy: Strategy,
  { throttled }: { readonly throttled: boolean },
): Strategy {
  if (!('refreshRetryTokenForRetry' in strategy)) return strategy;
  return {
    acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
    refreshRetryTokenForRetry: async (token, failure) => {
      if (isLate(failure.error) || (failure.errorType === 'THROTTLING' && !throttled))
        throw new Error('This is not repeated.');
      return strategy.refreshRetryTokenForRetry(token, failure);
    },
    recordSuccess: (token) => {
      strategy.recordSuccess(token);
    },
  };
}

/** A connection that broke off has the same name, and a code of its own. */
function isLate(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'TimeoutError') return false;
  return !('code' in error && /^(ECONNRESET|EPIPE)$/.test(String(error.code)));
}
