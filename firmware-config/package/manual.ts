import type { Command, Option } from 'commander'

/** What the man page and the completions tell of one command. `path`: its words after `linli`. */
export interface Told { readonly path: readonly string[]; readonly command: Command }

export function commandsOf(program: Command): readonly Told[] {
  const below = (command: Command, path: readonly string[]): readonly Told[] => command.commands.flatMap((each) => [{ path: [...path, each.name()], command: each }, ...below(each, [...path, each.name()])])
  return below(program, [])
}

export const optionsOf = (command: Command): readonly Option[] => command.options.filter(({ hidden }) => !hidden)

const roff = (text: string): string => text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^([.'])/gm, '\\&$1')

function commandPage({ path, command }: Told): string {
  const words = command.registeredArguments.map((argument) => { const name = argument.name() + (argument.variadic ? '...' : ''); return argument.required ? `<${name}>` : `[${name}]` })
  const lines = [`.SS "${roff(['linli', ...path, ...words].join(' '))}"`, roff(command.description() || 'See its own commands.')]
  for (const argument of command.registeredArguments) if (argument.description) lines.push('.TP', `.I ${roff(argument.name())}`, roff(argument.description))
  for (const option of optionsOf(command)) lines.push('.TP', `.B ${roff(option.flags)}`, roff(option.description || option.flags))
  return lines.join('\n')
}

/** linli(1), drawn up from the commands themselves. `date` as yyyy-mm-dd. */
export function manPage(program: Command, version: string, date: string): string {
  return [
    `.TH LINLI 1 "${date}" "linli ${version}" "Linli"`, '.SH NAME', 'linli \\- edge gateway for neighbourhood facilities', '.SH SYNOPSIS', '.B linli', '.I command', '[options]',
    '.SH DESCRIPTION', roff(program.description()), '.SH COMMANDS', ...commandsOf(program).map(commandPage),
    '.SH FILES', '.TP', '.I /etc/linli/site.yaml', 'the site file', '.TP', '.I /etc/linli/linli.env', 'passwords that the site file names as { env: NAME }', '.TP', '.I /var/lib/linli', 'journal, keys, accounts, history',
    '.SH SEE ALSO', '.BR systemctl (1), ', '.BR journalctl (1)', '',
  ].join('\n')
}
