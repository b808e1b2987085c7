import type { Command } from 'commander'

const several = (text: string, all: string[] = []): string[] => [...all, text]

/** `linli desired`: on the platform's side a key and a sealed, signed configuration; on the box what it reports. */
export function desiredCommands(program: Command, socketOptions: (command: Command) => Command): void {
  const desired = program.command('desired').description("a box's configuration from the city: signed, sealed for it alone, tried there like any other")

  desired.command('key')
    .description('platform side: make the key that signs configurations, and print what the boxes are told to trust')
    .argument('<file>', 'where the secret half is written, readable by you alone')
    .option('--actor <name>', 'under which name its configurations stand in the history of a box', 'platform')
    .option('--json', 'print JSON')
    .action(async (file: string, options) => (await import('./desired.ts')).makeKey(file, options))

  desired.command('seal')
    .description('platform side: the message for one box, on stdout; publish it retained on {prefix}/{region}/{gateway}/config/desired, such as with mosquitto_pub -r -q 1 -s')
    .argument('<site>', 'the whole site file (YAML) that the box is to have')
    .requiredOption('--as-version <number>', "your own count for this box: higher than any before", (text) => Number(text))
    .requiredOption('--key <file>', 'the secret key that linli desired key made')
    .requiredOption('--reason <text>', 'why, for the people on site')
    .option('--actor <name>', 'as the site file of the box calls your key', 'platform')
    .option('--reported <file>', 'what the box published on config/reported, or printed with linli desired show --json: whom it is for and sealed for')
    .option('--box-key <key>', 'public key of the box, as it was noted at enrolment: --reported must be signed by it')
    .option('--gateway <id>', 'without --reported: whom it is for')
    .option('--to <recipient>', 'without --reported: age1… of the box')
    .option('--secret <name=file>', 'a secret that the site file names as { file: city-secrets/NAME }; may be repeated', several)
    .option('--base <hash>', 'refuse it where another configuration than this one runs (current.hash of what it reports)')
    .option('--accept-loss', 'also where something goes for good that no roll-back brings again')
    .option('--unchecked', 'do not check the site file first, such as where its profiles lie on the box alone')
    .action(async (file: string, options) => (await import('./desired.ts')).sealDesired(file, options))

  socketOptions(desired.command('show'))
    .description('on the box: what it reports to the city, with its recipient and its key')
    .option('--json', 'print it as it is published')
    .action(async (options) => (await import('./desired.ts')).show(options))
}
