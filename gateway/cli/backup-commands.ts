import type { Command } from 'commander'

const several = (text: string, all: string[] = []): string[] => [...all, text]

/** `linli backup` and `linli restore`. */
export function backupCommands(program: Command): void {
  program.command('backup')
    .description('configuration, keys, accounts, alert state and what waits for the city in one sealed file (tar, gzip, age); of a gateway that runs or does not')
    .argument('<site>', 'site file (YAML)')
    .requiredOption('-o, --out <file>', 'the file to write')
    .option('--recipient <key>', 'seal it for this public key of age (age1…); may be repeated', several)
    .option('--passphrase <file>', 'seal it with the words in this file; without either it is asked for')
    .option('--no-outbox', 'leave out what waits for the city: a restore declares it as a gap')
    .option('--history', 'take the history for charts along, too')
    .option('--json', 'print JSON')
    .action(async (file: string, options) => (await import('./backup.ts')).backup(file, options))
  program.command('restore')
    .description('what linli backup wrote, onto this box or another')
    .argument('<file>', 'the backup')
    .argument('<folder>', 'where the site file comes to lie; the store goes where the site file says')
    .option('--identity <file>', 'secret key of age (AGE-SECRET-KEY-1…)')
    .option('--passphrase <file>', 'the words it was sealed with; without either they are asked for')
    .option('--replace', 'move aside what is there')
    .option('--no-outbox', 'leave out what waited for the city: it is declared as a gap')
    .option('--json', 'print JSON')
    .action(async (file: string, folder: string, options) => (await import('./backup.ts')).restore(file, folder, options))
}
