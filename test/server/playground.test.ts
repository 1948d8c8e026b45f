/** The playground as a visitor meets it: the pages at `/`, its example tabs, a query, a stream. */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { buildSchema, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadConfiguration } from '../../src/config/load.js';
import { startProgram } from '../../src/server/start.js';
import { describeReal } from '../real/index.js';
import { openPlayground, type Playground } from './browser.js';

const examples = new URL('../../src/server/playground/examples/', import.meta.url);
const schemaFile = new URL('../../schema/schema.graphql', import.meta.url);

/** The whole program with its defaults, on a free port. */
async function servePlayground(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const environment = { HTC_GRAPH_PORT: '0', HTC_GRAPH_LOG_LEVEL: 'silent' };
  const program = await startProgram(await loadConfiguration({ environment, folder: tmpdir() }));
  return { url: program.url.href, stop: () => program.stop() };
}

describe('the example tabs', () => {
  it.each(readdirSync(examples))('%s is valid against the printed schema', (file) => {
    const schema = buildSchema(readFileSync(schemaFile, 'utf8'));
    const document = parse(readFileSync(new URL(file, examples), 'utf8'));
    expect(validate(schema, document)).toEqual([]);
  });
});

describeReal('chromium', 'the playground in a browser', (chromium) => {
  let server: Awaited<ReturnType<typeof servePlayground>>;
  beforeAll(async () => {
    server = await servePlayground();
  });
  afterAll(() => server.stop());

  async function visit(): Promise<Playground> {
    const playground = await openPlayground(server.url, chromium);
    onTestFinished(() => playground[Symbol.asyncDispose]());
    return playground;
  }

  it('opens with the prepared examples and runs a query', async () => {
    const playground = await visit();
    expect(await playground.tabTitles()).toEqual([
      'JobsByOwner',
      'Machines',
      'WorkOnBothGrids',
      'Submit',
      'Follow',
      'QueueJobs',
      'HoldAndRemove',
      'WatchJobs',
      'EndsOfJobs',
      'EndsOfAllWork',
      'HealthOfGrids',
    ]);

    await playground.write('operation.graphql', 'query Kinds { grids { kind } }');
    // The page notices the operation's name a moment after its text, and runs by the name.
    await vi.waitFor(async () => expect(await playground.tabTitles()).toContain('Kinds'), {
      timeout: 10_000,
    });
    await playground.run();

    const { data } = await answer(playground, (text) => text.includes('HTC_GRID'));
    const { grids } = data as { grids: { kind: string }[] };
    expect(grids).toContainEqual({ kind: 'HTC_GRID' });
  });

  it('follows a submitted session to its end, and asks no other host for anything', async () => {
    const playground = await visit();
    await playground.openTab('Submit');
    await playground.run();
    const submitted = await answer(playground, (text) => text.includes('submitTasks'));
    const { submitTasks } = submitted.data as {
      submitTasks: { session: { id: string }; userErrors: unknown[] };
    };
    expect(submitTasks.userErrors).toEqual([]);

    await playground.openTab('Follow');
    const session = submitTasks.session.id;
    await playground.write('variables.json', JSON.stringify({ session }));
    await playground.run();
    const frame = await answer(playground, (text) => /"(SNAPSHOT|SYNCED|CHANGES)"/.test(text));
    expect(frame.data).toMatchObject({
      taskCompleted: { cursor: expect.any(String) as string },
    });
    const last = await answer(playground, (text) => text.includes('"END"'));
    expect(last.data).toMatchObject({
      taskCompleted: { end: { reason: 'COMPLETE' } },
    });

    expect(playground.errors).toEqual([]);
    const { host } = new URL(server.url);
    expect(new Set(playground.requests.map((address) => new URL(address).host))).toEqual(
      new Set([host]),
    );
  });

  it('acts on jobs of a pool and follows it', async () => {
    const playground = await visit();
    await playground.openTab('QueueJobs');
    await playground.write('variables.json', '{ "dryRun": false }');
    await playground.run();
    const submitted = await answer(playground, (text) => text.includes('submitJobs'));
    const { submitJobs } = submitted.data as {
      submitJobs: { cluster: { id: string } | null; userErrors: unknown[] };
    };
    expect(submitJobs.userErrors).toEqual([]);

    await playground.openTab('HoldAndRemove');
    const cluster = submitJobs.cluster?.id;
    await playground.write('variables.json', JSON.stringify({ cluster, dryRun: false }));
    await playground.run();
    const acted = await answer(playground, (text) => text.includes('removeJobs'));
    expect(acted.data).toMatchObject({ holdJobs: { changed: 2 }, removeJobs: { changed: 2 } });

    await playground.openTab('WatchJobs');
    await playground.run();
    await answer(playground, (text) => /"(SYNCED|CHANGES)"/.test(text));
    await playground.stop();

    await playground.openTab('EndsOfJobs');
    await playground.run();
    const ends = await answer(playground, (text) => /"(SNAPSHOT|SYNCED)"/.test(text));
    expect(ends.errors).toBeUndefined();
    expect(playground.errors).toEqual([]);
  });

  it('sends the token of the headers editor by HTTP and in connection_init', async () => {
    const playground = await visit();
    await playground.write('request-headers.json', '{ "Authorization": "Bearer of-nobody" }');
    await playground.write('operation.graphql', 'query ByHttp { __typename }');
    const posted = playground.page.waitForRequest(
      (request) => request.postData()?.includes('ByHttp') ?? false,
    );
    await playground.run();
    expect((await posted).headers()['authorization']).toBe('Bearer of-nobody');

    await playground.write('operation.graphql', 'subscription BySocket { __typename }');
    await playground.run();
    await vi.waitFor(() => expect(playground.sent).not.toEqual([]), {
      timeout: 10_000,
    });
    expect(JSON.parse(playground.sent[0] ?? '')).toEqual({
      type: 'connection_init',
      payload: { authorization: 'Bearer of-nobody' },
    });
  });
});

/** The response pane once it shows what is awaited. */
async function answer(
  playground: Playground,
  awaited: (text: string) => boolean,
): Promise<{ readonly data?: unknown; readonly errors?: unknown }> {
  const text = await vi.waitFor(
    async () => {
      const shown = await playground.response();
      if (!awaited(shown)) throw new Error(`The response pane shows ${shown || 'nothing'}.`);
      return shown;
    },
    { interval: 50 },
  );
  return JSON.parse(text) as { data?: unknown; errors?: unknown };
}
