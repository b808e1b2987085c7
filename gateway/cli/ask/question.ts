import type { Label } from '../../contract/index.ts'

/** A text in both languages, or one that needs no translation. */
export type Words = Label | string
export interface Choice { readonly value: string; readonly label: Words; readonly hint?: Words }
/** null: it may stand. Said at once, below what was typed. */
export type Judge = (value: string) => Words | null

/** One thing asked of the person at the terminal; the answer is a text, true or false, or texts. */
export type Question =
  | { readonly kind: 'text'; readonly ask: Words; /** Stands there to be changed. */ readonly initial?: string; /** Taken where nothing is typed. */ readonly otherwise?: string; readonly judge: Judge }
  | { readonly kind: 'secret'; readonly ask: Words; readonly judge: Judge }
  | { readonly kind: 'one'; readonly ask: Words; readonly options: readonly Choice[]; readonly initial?: string; /** Typing narrows a long list. */ readonly search?: boolean }
  | { readonly kind: 'some'; readonly ask: Words; readonly options: readonly Choice[] }
  | { readonly kind: 'yes'; readonly ask: Words; readonly initial: boolean }
  | { readonly kind: 'say'; readonly text: Words }
export type Answer = string | boolean | readonly string[] | undefined

/**
 * A conversation: it asks, and ends with what came of it. Pure: what it knows of the box it is told before, and the same answers lead to the
 * same questions, so that going back is the conversation held again with one answer less.
 */
export type Conversation<T> = Generator<Question, T, Answer>

export function* text(ask: Words, judge: Judge, more: { readonly initial?: string; readonly otherwise?: string } = {}): Conversation<string> {
  const { otherwise } = more
  const answer = String((yield { kind: 'text', ask, ...more, judge: (value) => (value === '' && otherwise !== undefined ? null : judge(value)) }) ?? '').trim()
  return answer === '' && otherwise !== undefined ? otherwise : answer
}
export function* secret(ask: Words, judge: Judge): Conversation<string> { return String((yield { kind: 'secret', ask, judge }) ?? '') }
export function* one(ask: Words, options: readonly Choice[], more: { readonly initial?: string; readonly search?: boolean } = {}): Conversation<string> { return String(yield { kind: 'one', ask, options, ...more }) }
export function* some(ask: Words, options: readonly Choice[]): Conversation<readonly string[]> {
  const answer = yield { kind: 'some', ask, options }
  return Array.isArray(answer) ? answer as readonly string[] : []
}
export function* yes(ask: Words, initial: boolean): Conversation<boolean> { return (yield { kind: 'yes', ask, initial }) === true }
export function* say(words: Words): Conversation<void> { yield { kind: 'say', text: words } }

/** What the terminal does with a question: the answer, or one back, or no more of this. */
export type Reply = { readonly answer: Answer } | 'back' | 'leave'

/** Holds a conversation. null: the person left, or went back from the first question. */
export async function hold<T>(begin: () => Conversation<T>, put: (question: Question, before: Answer) => Promise<Reply>): Promise<T | null> {
  const given: Answer[] = []
  let before: Answer
  for (;;) {
    const conversation = begin()
    let step = conversation.next()
    let index = 0
    let back = false
    while (!step.done && !back) {
      const question = step.value
      if (index < given.length) { step = conversation.next(given[index++]); continue }
      const reply = await put(question, before)
      before = undefined
      if (reply === 'leave') return null
      if (reply === 'back') { back = true; continue }
      given.push(reply.answer)
      index++
      step = conversation.next(reply.answer)
    }
    if (step.done) return step.value
    // What was only said is no question to go back to.
    do {
      if (given.length === 0) return null
      before = given.pop()
    } while (before === undefined)
  }
}
