import { ConfigError } from '../../kit/index.ts'
import type { Answer, Question, Reply, Words } from './question.ts'

export type Language = 'zh' | 'en'
export const say = (words: Words, language: Language): string => (typeof words === 'string' ? words : words[language])

/** The terminal's own language, or English. */
export const languageOfTerminal = (): Language => (/^zh/i.test(process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '') ? 'zh' : 'en')

export const hasTerminal = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true

const clack = () => import('@clack/prompts')
export type Clack = Awaited<ReturnType<typeof clack>>

export interface Terminal {
  readonly clack: Clack
  /** Esc goes back, Ctrl-C leaves. */
  put(question: Question, before?: Answer): Promise<Reply>
}

/** For people. Loaded when somebody is asked. Throws ConfigError TERMINAL_NEEDED with what to do where nobody can be: pipes, cron, a service. */
export async function openTerminal(language: () => Language, instead: string): Promise<Terminal> {
  if (!hasTerminal()) throw new ConfigError('TERMINAL_NEEDED', `nobody can be asked here, because input or output is no terminal; ${instead}`)
  // A serial console knows no size and says 0, and then each letter would stand on a line of its own.
  if (process.stdout.columns < 20) process.stdout.columns = 80
  if (process.stdout.rows < 5) process.stdout.rows = 24
  const prompts = await clack()
  let last = ''
  // The library says only "cancelled"; which key did it tells going back from leaving. A listener of ours comes before those of the prompt.
  process.stdin.on('keypress', (_, key: { readonly name?: string } | undefined) => { last = key?.name ?? '' })
  const put = async (question: Question, before?: Answer): Promise<Reply> => {
    last = ''
    const answer = await show(prompts, question, language(), before)
    if (!prompts.isCancel(answer)) return { answer: answer as Answer }
    return last === 'escape' ? 'back' : 'leave'
  }
  return { clack: prompts, put }
}

/** As many lines of a list as fit beside the question. */
const listed = 12

async function show(prompts: Clack, question: Question, language: Language, before: Answer): Promise<unknown> {
  const words = (text: Words): string => say(text, language)
  if (question.kind === 'say') { prompts.log.message(words(question.text)); return undefined }
  const message = words(question.ask)
  switch (question.kind) {
    case 'text': {
      const { judge, otherwise } = question
      const initialValue = typeof before === 'string' ? before : question.initial
      return prompts.text({ message, ...(initialValue === undefined ? {} : { initialValue }), ...(otherwise === undefined ? {} : { placeholder: otherwise, defaultValue: otherwise }), validate: (value) => spoken(judge((value ?? '').trim()), language) })
    }
    case 'secret': return prompts.password({ message, validate: (value) => spoken(question.judge(value ?? ''), language) })
    case 'yes': return prompts.confirm({ message, initialValue: typeof before === 'boolean' ? before : question.initial, active: words({ zh: '是', en: 'yes' }), inactive: words({ zh: '否', en: 'no' }) })
    case 'some': return prompts.multiselect({ message: `${message}${words({ zh: '（空格选择，回车确认）', en: ' (space chooses, Enter goes on)' })}`, options: optionsOf(question, words), required: false, maxItems: listed, ...(Array.isArray(before) ? { initialValues: before as string[] } : {}), showInstructions: false })
    default: {
      const initialValue = typeof before === 'string' ? before : question.initial
      const common = { message, options: optionsOf(question, words), maxItems: listed, ...(initialValue === undefined ? {} : { initialValue }) }
      if (!question.search) return prompts.select({ ...common, showInstructions: false })
      return prompts.autocomplete({ ...common, placeholder: words({ zh: '输入文字可筛选', en: 'type to narrow the list' }), validate: (value) => (value === undefined ? words({ zh: '请选择一项', en: 'choose one' }) : undefined) })
    }
  }
}

const spoken = (words: Words | null, language: Language): string | undefined => (words === null ? undefined : say(words, language))
const optionsOf = ({ options }: Extract<Question, { kind: 'one' | 'some' }>, words: (text: Words) => string) => options.map(({ value, label, hint }) => ({ value, label: words(label), ...(hint === undefined ? {} : { hint: words(hint) }) }))
