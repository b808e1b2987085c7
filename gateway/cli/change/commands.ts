import type { Command } from 'commander'
import { desiredCommands } from '../desired-commands.ts'

/** `linli plan`, `apply`, `confirm`, `rollback`, `configurations`, `migrate` and `desired`. */
export function changeCommands(program: Command, socketOptions: (command: Command) => Command, duration: (text: string) => number): void {
  socketOptions(program.command('plan'))
    .description('what another site file would change of the running gateway: what restarts, what the city and people here will see. Ends with 0 when nothing changes, 2 when something does')
    .argument('<new>', 'the other site file (YAML)')
    .argument('[site]', 'the present one; where its gateway does not run, it is compared with the file')
    .option('--json', 'print JSON')
    .action(async (file: string, site: string | undefined, options) => (await import('./change.ts')).plan(file, site, options))

  socketOptions(program.command('apply'))
    .description('put another site file into force, on trial: what does not change goes on, and it is taken back by itself when something that worked does not any more')
    .argument('<new>', 'the other site file (YAML); or the site file itself, changed')
    .option('--confirm <duration>', 'taken back as well unless linli confirm comes within it, such as 5m', duration)
    .option('--for <duration>', 'without --confirm: watched for so long', duration, 60_000)
    .option('--reason <text>', 'why, for those who come after')
    .option('--accept-loss', 'also where something goes for good that no roll-back brings again')
    .option('--overwrite', 'also over a site file that was changed by hand meanwhile; that one is kept')
    .option('--json', 'print JSON')
    .action(async (file: string, options) => (await import('./change.ts')).apply(file, options))

  socketOptions(program.command('confirm'))
    .description('the configuration on trial stays')
    .option('--anyway', 'also where something that worked before does not work now')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./change.ts')).confirm(options))

  socketOptions(program.command('rollback'))
    .description('take back what is on trial, at once; or put an older configuration into force')
    .argument('[number]', 'as linli configurations shows it (default: the one before)', (text) => Number(text))
    .option('--for <duration>', 'watched for so long', duration, 60_000)
    .option('--reason <text>', 'why')
    .option('--json', 'print JSON')
    .action(async (number: number | undefined, options) => (await import('./change.ts')).rollback(number, options))

  socketOptions(program.command('configurations'))
    .description('every site file that was in force: who, when, why, and how it ended; show N prints one, diff N [M] compares')
    .argument('[words...]', 'show N, or diff N [M]')
    .option('--json', 'print JSON')
    .action(async (words: string[], options) => (await import('./change.ts')).configurations(words, options))

  program.command('migrate')
    .description('write a site file of an older version as one of today: shows what is written otherwise, asks, and keeps the old file. Older files run without it')
    .argument('<site>', 'site file (YAML)')
    .option('--yes', 'write without asking')
    .option('--json', 'print JSON; without --yes nothing is written, and the exit code is 2 where something would be')
    .action(async (site: string, options) => (await import('./migrate.ts')).migrateSite(site, options))

  desiredCommands(program, socketOptions)
}
