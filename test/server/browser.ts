/** Drives the playground in a real Chromium the way a person does: tabs, editors, Ctrl-Enter, the response pane. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { vi } from 'vitest';
import type { RealChromium } from '../real/chromium.js';

/** For what the browser is to show, on a slow machine too. */
const patienceMs = 60_000;

/** GraphiQL's editors, by the name of the Monaco model behind each. */
type Editor = 'operation.graphql' | 'variables.json' | 'request-headers.json';

export interface Playground extends AsyncDisposable {
  readonly page: Page;
  /** Every address the page and its workers asked for, sockets included. */
  readonly requests: readonly string[];
  /** What the page sent through its sockets, `connection_init` first. */
  readonly sent: readonly string[];
  /** What the page reported as an error: `console.error`, uncaught exceptions, failed loads. */
  readonly errors: readonly string[];
  tabTitles(): Promise<string[]>;
  openTab(title: string): Promise<void>;
  /** Replaces the text of an editor by pasting over it. */
  write(editor: Editor, text: string): Promise<void>;
  /** Ctrl-Enter in the operation editor, once nothing else runs. */
  run(): Promise<void>;
  /** The whole text of the response pane; a screen shows only a window of it. */
  response(): Promise<string>;
  /** Ends a running subscription; a no-op where none runs. */
  stop(): Promise<void>;
}

/** Opens the playground served at `baseUrl` and waits until it can be typed into. */
export async function openPlayground(baseUrl: string, chromium: RealChromium): Promise<Playground> {
  const browser = await launchWithoutInternet(chromium);
  try {
    return await playgroundIn(browser, baseUrl);
  } catch (failure) {
    await browser.close();
    throw failure;
  }
}

function launchWithoutInternet({ program, args }: RealChromium): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    args: [
      ...args,
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // No name resolves: a request for another host fails, and shows up among the errors.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
}

async function playgroundIn(browser: Browser, baseUrl: string): Promise<Playground> {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  const requests: string[] = [];
  const sent: string[] = [];
  const errors: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => {
    requests.push(socket.url());
    socket.on('framesent', ({ payload }) => sent.push(payload.toString()));
  });
  page.on('requestfailed', (request) =>
    errors.push(`${request.url()}: ${request.failure()?.errorText}`),
  );
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });

  await page.goto(baseUrl);
  await page.locator('.graphiql-query-editor .monaco-editor .view-line').first().waitFor();
  await vi.waitFor(() => modelText(page, 'operation.graphql'));

  const playground: Playground = {
    page,
    requests,
    sent,
    errors,
    tabTitles: () => page.getByRole('tab').allInnerTexts(),
    async openTab(title) {
      await page.getByRole('tab', { name: title, exact: true }).click();
      await vi.waitFor(async () => {
        if (!(await modelText(page, 'operation.graphql')).includes(title)) {
          throw new Error(`The tab ${title} did not open.`);
        }
      });
    },
    async write(editor, text) {
      await focus(page, editor);
      await page.keyboard.press('ControlOrMeta+A');
      await paste(page, text);
      await vi.waitFor(async () => {
        const written = await modelText(page, editor);
        if (written !== text) throw new Error(`${editor} holds ${JSON.stringify(written)}.`);
      });
    },
    async run() {
      // While something runs, the same keys would stop it.
      await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
      await vi.waitFor(() => expectOperationParsed(page));
      await focus(page, 'operation.graphql');
      await page.keyboard.press('ControlOrMeta+Enter');
    },
    response: () => modelText(page, 'response.json'),
    async stop() {
      const button = page.locator('.graphiql-execute-button[aria-label^="Stop"]');
      if (await button.isVisible()) await button.click();
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
  return playground;
}

/** GraphiQL parses and stores what was edited 100 ms later, and until then runs it as what it was before. */
async function expectOperationParsed(page: Page): Promise<void> {
  const parsed = await page.evaluate(() => {
    const { localStorage } = globalThis as unknown as {
      readonly localStorage: { getItem(key: string): string | null };
    };
    return localStorage.getItem('graphiql:query');
  });
  // Nothing is stored before the first edit.
  if (parsed !== null && parsed !== (await modelText(page, 'operation.graphql'))) {
    throw new Error('GraphiQL has not parsed the operation yet.');
  }
}

/** Pasted, not typed: the editor closes brackets and quotes as they are typed. */
async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate((pasted) => {
    interface Navigator {
      readonly clipboard: { writeText(text: string): Promise<void> };
    }
    const { navigator } = globalThis as unknown as { readonly navigator: Navigator };
    return navigator.clipboard.writeText(pasted);
  }, text);
  await page.keyboard.press('ControlOrMeta+V');
}

async function focus(page: Page, editor: Editor): Promise<void> {
  if (editor === 'operation.graphql') {
    await page.locator('.graphiql-query-editor .monaco-editor').click();
    return;
  }
  const title = editor === 'variables.json' ? 'Variables' : 'Headers';
  await page.locator('.graphiql-editor-tools').getByText(title, { exact: true }).click();
  await page.locator(`.graphiql-editor-tool .graphiql-editor:not(.hidden) .monaco-editor`).click();
}

/** Monaco draws only the lines in view, so the text is read from its model; GraphiQL publishes Monaco as `__MONACO`. */
async function modelText(page: Page, name: Editor | 'response.json'): Promise<string> {
  return page.evaluate((suffix) => {
    interface Model {
      readonly uri: { readonly path: string };
      getValue(): string;
    }
    const { __MONACO } = globalThis as unknown as {
      readonly __MONACO: { readonly editor: { getModels(): readonly Model[] } };
    };
    const model = __MONACO.editor.getModels().find((each) => each.uri.path.endsWith(suffix));
    if (!model) throw new Error(`GraphiQL has no model ${suffix}.`);
    return model.getValue();
  }, name);
}
