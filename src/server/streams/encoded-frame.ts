/** A frame after its execution: its text made once, its bytes once for each way of writing it. */
import type { ExecutionResult, GraphQLFormattedError } from 'graphql';

/** What stands around the text in the bytes that are the same for all who get them. */
export type Around = (text: string) => string;

export class EncodedFrame {
  readonly text: string;
  readonly errors: readonly GraphQLFormattedError[] | undefined;
  readonly #bytes = new Map<Around, Buffer>();

  constructor(
    { data, errors, extensions }: ExecutionResult,
    format: (error: unknown) => GraphQLFormattedError,
  ) {
    this.errors = errors?.map(format);
    this.text = JSON.stringify({
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      ...(data === undefined ? {} : { data }),
      ...(extensions === undefined ? {} : { extensions }),
    });
  }

  bytes(around: Around): Buffer {
    let bytes = this.#bytes.get(around);
    if (bytes === undefined) {
      bytes = Buffer.from(around(this.text));
      this.#bytes.set(around, bytes);
    }
    return bytes;
  }
}
