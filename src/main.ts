#!/usr/bin/env node
/** The command line of htc-graph: reads the configuration and starts, checks or prints it. */
import { Command } from 'commander';
import { loadConfiguration, type Configuration, type Overrides } from './config/load.js';
import { masked } from './config/masked.js';
import { ConfigError } from './config/problem.js';
import { version } from './server/about.js';
import { forProduction } from './server/production.js';

interface Options extends Overrides {
  readonly printConfig?: true;
  readonly check?: true;
}

const options = new Command('htc-graph')
  .description('One GraphQL endpoint over HTC-Grid and HTCondor.')
  .version(version)
  .option(
    '--config <file>',
    'configuration file (default: htc-graph.config.json, .js, .mjs or .ts here)',
  )
  .option('--host <address>', 'address to listen on')
  .option('--port <number>', 'port to listen on; 0 takes a free one')
  .option('--handler <file>', 'module whose default export runs the tasks of the embedded HTC-Grid')
  .option(
    '--exec <command>',
    'shell command that runs them instead: a task as JSON on stdin, its output on stdout',
  )
  .option('--print-config', 'print the configuration with secrets masked, and exit')
  .option('--check', 'ask each grid, say what was found, and exit (1 where one does not answer)')
  .allowExcessArguments(false)
  .configureOutput({ writeErr: say })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>();

/** 2: the configuration or the command line cannot be used. 1: the start failed, or a grid of --check. */
try {
  const configuration = await loadConfiguration({ overrides: options });
  if (options.printConfig) print(JSON.stringify(masked(configuration), null, 2));
  else if (options.check) await check(configuration);
  else await start(configuration);
} catch (error) {
  if (error instanceof ConfigError) {
    say('htc-graph: the configuration cannot be used:\n');
    for (const problem of error.problems) say(`  ${problem}\n`);
    process.exit(2);
  }
  say(`htc-graph: could not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

function program() {
  return forProduction(() => import('./server/start.js'));
}

async function check(configuration: Configuration): Promise<void> {
  const { checkGrids } = await program();
  const lines = await checkGrids(configuration);
  for (const { name, ok, text } of lines) print(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${text}`);
  process.exit(lines.every(({ ok }) => ok) ? 0 : 1);
}

async function start(configuration: Configuration): Promise<void> {
  const { startProgram } = await program();
  const starting = startProgram(configuration);
  // A signal during the start takes apart what came up: commands and workers are not left behind.
  stopOnSignals(async () => (await starting).stop());
  const started = await starting;
  const { url } = started;
  print(`htc-graph ${version} answers at ${url.href}graphql (HTTP and WebSocket)`);
  if (configuration.server.playground) print(`  playground  ${url.href}`);
  for (const { name, part, text } of await started.describe())
    print(part === 'grid' ? `  grid ${name.padEnd(10)} ${text}` : `  ${name.padEnd(11)} ${text}`);
  if (configuration.access.tokens.length === 0) {
    print('  access      open, loopback only: whoever is on this machine is admin');
  }
}

/** The first signal stops in order, the second at once. */
function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        say(`htc-graph: could not stop in order: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function say(text: string): void {
  process.stderr.write(text);
}
