import { Command } from 'commander'
import { fail, parseDuration } from './output.ts'
import { version } from '../version.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => { if (error.code === 'EPIPE') process.exit(0) })

/** Each command's module is loaded only when it runs: `linli status` does not pay for the drivers. */
const program = new Command('linli')
  .description('Edge gateway for neighbourhood facilities. Try: linli demo')
  .version(version)
  .showHelpAfterError()

const duration = (text: string): number => {
  const ms = parseDuration(text)
  if (ms === undefined) return program.error(`not a duration: "${text}"; write 20s, 5m or 1h`)
  return ms
}

program.command('run')
  .description('run the gateway of a site file until Ctrl-C')
  .argument('<site>', 'site file (YAML)')
  .action(async (file: string) => (await import('./run.ts')).run(file))

program.command('demo')
  .description('run the demo facility: simulated devices on real protocols, the gateway, and a city platform that checks what arrives')
  .option('--for <duration>', 'stop after this long, e.g. 20s (default: until Ctrl-C)', duration)
  .option('--json', 'print one JSON object at the end and nothing else on stdout')
  .action(async (options: { for?: number; json?: boolean }) => (await import('./demo/demo.ts')).demo(options))

program.command('check')
  .description('check a site file: every error at once, with line and column')
  .argument('<site>', 'site file (YAML)')
  .option('--json', 'print the result as JSON')
  .action(async (file: string, options: { json?: boolean }) => (await import('./check.ts')).check(file, options))

program.command('schema')
  .description('print the JSON Schema of the site file, for editors')
  .action(async () => (await import('./schema.ts')).schema())

const socketOptions = (command: Command): Command => command
  .option('--site <site>', 'site file of the running gateway')
  .option('--socket <path>', 'its control socket (default: ./data/linli.sock)')

socketOptions(program.command('status'))
  .description('state of a running gateway: connections, devices, backlog, alerts')
  .option('--json', 'print it as JSON')
  .action(async (options) => (await import('./status.ts')).status(options))

socketOptions(program.command('tail'))
  .description('live readings and events of a running gateway')
  .option('--json', 'one JSON object a line')
  .option('--for <duration>', 'stop after this long', duration)
  .action(async (options) => (await import('./tail.ts')).tail(options))

program.command('verify')
  .description('city side: subscribe to a broker and check sequence, hash chain and schema of what arrives')
  .requiredOption('--broker <url>', 'mqtt://… or mqtts://…; user and password from MQTT_USERNAME and MQTT_PASSWORD')
  .option('--prefix <prefix>', 'topic prefix', 'linli/v1')
  .option('--for <duration>', 'stop after this long (default: until Ctrl-C)', duration)
  .option('--ca <file>', 'CA certificate of the broker (PEM)')
  .option('--json', 'print the report as JSON')
  .action(async (options) => (await import('./verify.ts')).verify(options))

await program.parseAsync().catch(fail)
