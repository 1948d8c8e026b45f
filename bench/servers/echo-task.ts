/** The task function of the bench: gives its input back. */
export default (task: unknown): unknown => task;
