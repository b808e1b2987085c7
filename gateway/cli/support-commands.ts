import type { Command } from 'commander'

/** What a support engineer asks for: the log, a check-up, a bundle. */
export function supportCommands(program: Command, socketOptions: (command: Command) => Command): void {
  socketOptions(program.command('logs'))
    .description('what a running gateway logged last (2,000 lines or 512 kB), without secrets')
    .option('--level <level>', 'this or graver: trace, debug, info, warn, error, fatal')
    .option('--room <room>', 'only this room, connection or uplink, as the lines name it')
    .option('--text <text>', 'only lines that hold this')
    .option('--lines <count>', 'the newest so many (default: 500)', (text) => Number(text))
    .option('--follow', 'go on until Ctrl-C')
    .option('--json', 'one JSON object a line')
    .action(async (options) => (await import('./logs.ts')).logs(options))
  socketOptions(program.command('doctor'))
    .description('a check-up: what is wrong or soon will be, where, and the next step; exit code 1 with warnings, 2 with faults')
    .argument('[site]', 'site file (YAML); where its gateway does not run, file, box and store are looked at')
    .option('--json', 'print it as JSON')
    .action(async (site: string | undefined, options) => (await import('./doctor.ts')).doctor(site, options))
  program.command('support-bundle')
    .description('one file for a support engineer: versions, check-up, status, log, audit, the site file, all without secrets')
    .argument('<site>', 'site file (YAML); its gateway may run or not')
    .option('-o, --out <file>', 'a new file (default: linli-support-SITE-TIME.tar.gz)')
    .option('--with-events <count>', 'the newest so many events too, at most 10000', (text) => Number(text))
    .option('--socket <path>', 'control socket of the running gateway (default: as the site file says)')
    .option('--json', 'print JSON')
    .action(async (file: string, options) => (await import('./support-bundle.ts')).supportBundle(file, options))
}
