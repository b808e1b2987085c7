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

socketOptions(program.command('doctor'))
  .description('what the counters of a running gateway say, and the likely cause of what is wrong')
  .option('--json', 'print it as JSON')
  .action(async (options) => (await import('./doctor.ts')).doctor(options))

const pointOptions = (command: Command): Command => command
  .argument('<site>', 'site file (YAML)')
  .option('--timeout <duration>', 'give up after this long', duration, 10_000)
  .option('--json', 'print JSON')

pointOptions(program.command('read'))
  .description('read points now: from the running gateway, or from the devices themselves when none runs')
  .argument('<points...>', 'point, device, or a pattern such as "meter.*"')
  .action(async (file: string, points: string[], options) => (await import('./points.ts')).read(file, points, options))

pointOptions(program.command('write'))
  .description('write a point in its own unit, and read it back')
  .argument('<point>')
  .argument('<value>', 'on, off, a number or a text')
  .action(async (file: string, point: string, value: string, options) => (await import('./points.ts')).write(file, point, value, options))

const points = program.command('points').description('the points of a site file as a table (CSV), for those who work in a spreadsheet')
points.command('export')
  .description('write every point of a site file, profiles included, as CSV that spreadsheets open as it is')
  .argument('<site>', 'site file (YAML)')
  .option('--out <file>', 'a new file (default: standard output)')
  .action(async (file: string, options) => (await import('./points-csv.ts')).exportTable(file, options))
points.command('import')
  .description('put a table back into a site file: shows what changes, and writes only a file that linli check accepts')
  .argument('<site>', 'site file (YAML)')
  .argument('<csv>', 'table: UTF-8 or GB18030, separated by commas, semicolons or tabs')
  .option('--out <file>', 'write the changed site file as a new file')
  .option('--in-place', 'change the site file itself; the old one is kept as SITE.yaml.bak')
  .option('--remove', "take out points that the table leaves out, of devices it names; a profile's points stay")
  .option('--dry-run', 'only show what would change')
  .option('--json', 'print JSON')
  .action(async (file: string, csv: string, options) => (await import('./points-csv.ts')).importTable(file, csv, options))

program.command('simulate')
  .description('run a simulator for every device of a site file, on its own protocol and address')
  .argument('<site>', 'site file (YAML)')
  .option('--fault <fault>', 'DEVICE:timeout|garbage|offline@WHEN+HOW-LONG, such as hall-env:timeout@30s+10s; may be repeated', (text: string, all: string[] = []) => [...all, text])
  .option('--out <file>', 'write the site file with the addresses the simulators really have')
  .option('--for <duration>', 'stop after this long (default: until Ctrl-C)', duration)
  .option('--json', 'say as JSON where they listen')
  .action(async (file: string, options) => (await import('./simulate/simulate.ts')).simulate(file, options))

program.command('profiles')
  .description('the device library: list it, search it, explain one profile, or check profiles')
  .argument('[words...]', 'explain the profile of this name, or list those that have all these words')
  .option('--driver <driver>', 'only those of this driver')
  .option('--folder <folder>', 'your own profiles (default: ./profiles)')
  .option('--lint', 'check them: units, addresses, names, deadbands')
  .option('--json', 'print JSON')
  .action(async (words: string[], options) => (await import('./profiles.ts')).profiles(words, options))

const probe = program.command('probe').description('raw requests from the command line, without a site file')
probe.command('modbus')
  .argument('<target>', 'HOST[:PORT], or a serial device such as /dev/serial/by-id/…')
  .argument('[words...]', 'read TABLE START [COUNT] | write coil|holding START VALUE… | identify | scan [FIRST] [LAST]')
  .option('--unit <id>', 'unit id', (text) => Number(text), 1)
  .option('--baud <rate>', 'serial: baud rate', (text) => Number(text), 9_600)
  .option('--parity <parity>', 'serial: none, even or odd', 'none')
  .option('--rtu', 'RTU frames through a serial server instead of Modbus TCP')
  .option('--timeout <duration>', 'for an answer', duration, 500)
  .option('--json', 'print JSON')
  .action(async (target: string, words: string[], options) => (await import('./probe/modbus.ts')).probeModbus(target, words, options))

probe.command('mqtt')
  .argument('<target>', 'HOST[:PORT] of a broker')
  .argument('[words...]', 'sub TOPIC | pub TOPIC PAYLOAD | watch')
  .option('--username <name>', 'the password comes from MQTT_PASSWORD')
  .option('--tls', 'TLS; certificate and host name are checked')
  .option('--ca <file>', 'who signed the broker\'s certificate (PEM); means --tls')
  .option('--for <duration>', 'stop after this long (default: until Ctrl-C)', duration)
  .option('--timeout <duration>', 'for an answer', duration, 5_000)
  .option('--json', 'print JSON')
  .action(async (target: string, words: string[], options) => (await import('./probe/mqtt.ts')).probeMqtt(target, words, options))

probe.command('opcua')
  .argument('<url>', 'opc.tcp://HOST:PORT/PATH')
  .argument('[words...]', 'endpoints | browse [NODE] | read NODE… | trust')
  .option('--username <name>', 'the password comes from OPCUA_PASSWORD')
  .option('--security <policy>', 'None, Basic256Sha256, Aes128_Sha256_RsaOaep or Aes256_Sha256_RsaPss', 'None')
  .option('--sign', 'sign messages and do not encrypt them')
  .option('--pki <folder>', 'certificates (default: data/opcua, as the gateway has)')
  .option('--depth <levels>', 'browse: so many levels', (text) => Number(text), 3)
  .option('--count <nodes>', 'browse: at most so many nodes', (text) => Number(text), 500)
  .option('--timeout <duration>', 'for an answer', duration, 5_000)
  .option('--json', 'print JSON')
  .action(async (url: string, words: string[], options) => (await import('./probe/opcua.ts')).probeOpcua(url, words, options))

program.command('verify')
  .description('city side: subscribe to a broker and check sequence, hash chain and schema of what arrives')
  .requiredOption('--broker <url>', 'mqtt://… or mqtts://…; user and password from MQTT_USERNAME and MQTT_PASSWORD')
  .option('--prefix <prefix>', 'topic prefix', 'linli/v1')
  .option('--for <duration>', 'stop after this long (default: until Ctrl-C)', duration)
  .option('--ca <file>', 'CA certificate of the broker (PEM)')
  .option('--json', 'print the report as JSON')
  .action(async (options) => (await import('./verify.ts')).verify(options))

await program.parseAsync().catch(fail)
