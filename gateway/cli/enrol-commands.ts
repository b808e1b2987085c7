import type { Command } from 'commander'

/** `linli enrol` and `replace`: what an installer does when a box, or a piece of hardware, comes new. */
export function enrolCommands(program: Command): void {
  program.command('enrol')
    .description('get the gateway\'s certificate from the platform\'s authority: the key is made on the box and stays there; at a terminal it asks for what is not given')
    .argument('<site>', 'site file (YAML)')
    .option('--url <url>', 'the authority: https://… (EST, RFC 7030)')
    .option('--uplink <id>', 'which uplink, where there are several')
    .option('--token <file>', 'one-time token (or LINLI_ENROL_TOKEN)')
    .option('--ca <file>', 'who signed the authority\'s certificate (PEM); with --import: the root')
    .option('--renew', 'a new certificate for the same key; the present one is the pass')
    .option('--force', 'also where a valid certificate is')
    .option('--try', 'only try the connection with the certificate that is there: publish, receipt, subscriptions')
    .option('--csr <file>', 'without network: write the request to a file')
    .option('--import <file>', 'without network: take the certificate that came back')
    .option('--json', 'print JSON')
    .action(async (file: string, options) => (await import('./enrol.ts')).enrol(file, options))

  program.command('replace')
    .description('another piece of hardware for a device, with the same points and history: reads it first, shows the change, keeps the old file')
    .argument('<device>', 'its id')
    .argument('<site>', 'site file (YAML)')
    .option('--unit <id>', 'its new unit id', (text) => Number(text))
    .option('--endpoint <where>', 'its new HOST[:PORT], or serial port; only where it is alone on its connection')
    .option('--serial <number>', 'serial number of the new one, to be written down')
    .option('--old-serial <number>', 'of the old one')
    .option('--by <id>', 'who does it, an id of the roster: the running gateway writes it down')
    .option('--yes', 'do not ask')
    .option('--force', 'also where another model answers, or its values cannot be')
    .option('--json', 'with --yes: print JSON')
    .action(async (device: string, file: string, options) => (await import('./replace.ts')).replace(device, file, options))
}
