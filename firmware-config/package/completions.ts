import type { Command } from 'commander'
import { commandsOf, optionsOf } from './manual.ts'

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
const flagsOf = (command: Command): readonly string[] => [...optionsOf(command).flatMap(({ short, long }) => [short, long].filter((flag): flag is string => flag !== undefined)), '--help']
const firstSentence = (command: Command): string => command.description().split(/[.:;]/)[0]!
/** Each command as one key, `probe modbus`, with what may follow it. */
const table = (program: Command) => [
  { key: '', words: program.commands.map((each) => each.name()), flags: flagsOf(program) },
  ...commandsOf(program).map(({ path, command }) => ({ key: path.join(' '), words: command.commands.map((each) => each.name()), flags: flagsOf(command) })),
]

export function bashCompletion(program: Command): string {
  const rows = table(program).map(({ key, words, flags }) => `    ${quote(key)}) words=${quote(words.join(' '))}; flags=${quote(flags.join(' '))} ;;`)
  return `# bash completion of linli, made from its commands
_linli() {
  local word=\${COMP_WORDS[COMP_CWORD]} key='' words='' flags='' each i
  for ((i = 1; i < COMP_CWORD; i++)); do
    each=\${COMP_WORDS[i]}
    case "\${key:+$key }$each" in
${table(program).filter(({ key }) => key).map(({ key }) => `      ${quote(key)}) key=${quote(key)} ;;`).join('\n')}
    esac
  done
  case "$key" in
${rows.join('\n')}
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _linli linli
`
}

export function zshCompletion(program: Command): string {
  const rows = table(program).map(({ key, words, flags }) => `    ${quote(key)}) words_=(${words.map(quote).join(' ')}); flags_=(${flags.map(quote).join(' ')}) ;;`)
  return `#compdef linli
# zsh completion of linli, made from its commands
_linli() {
  local key='' each i
  local -a words_ flags_
  for ((i = 2; i < CURRENT; i++)); do
    each=\${words[i]}
    case "\${key:+$key }$each" in
${table(program).filter(({ key }) => key).map(({ key }) => `      ${quote(key)}) key=${quote(key)} ;;`).join('\n')}
    esac
  done
  case "$key" in
${rows.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then compadd -a flags_
  elif (( \${#words_} )); then compadd -a words_
  else _files; fi
}
_linli "$@"
`
}

export function fishCompletion(program: Command): string {
  const lines = ['# fish completion of linli, made from its commands']
  const top = program.commands.map((each) => each.name()).join(' ')
  for (const { path, command } of commandsOf(program)) {
    const parents = path.slice(0, -1)
    const siblings = path.length === 1 ? top : commandsOf(program).filter((each) => each.path.length === path.length && each.path.slice(0, -1).join(' ') === parents.join(' ')).map((each) => each.path.at(-1)).join(' ')
    const when = [...parents.map((word) => `__fish_seen_subcommand_from ${word}`), `not __fish_seen_subcommand_from ${siblings}`].join('; and ')
    lines.push(`complete -c linli -n ${quote(when)} -a ${quote(path.at(-1)!)} -d ${quote(firstSentence(command))}`)
    const here = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    for (const option of optionsOf(command)) lines.push(`complete -c linli -n ${quote(here)}${option.short ? ` -s ${option.short.slice(1)}` : ''}${option.long ? ` -l ${option.long.slice(2)}` : ''}${option.required ? ' -r' : ''} -d ${quote(option.description)}`)
  }
  return `${lines.join('\n')}\n`
}
