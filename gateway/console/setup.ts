import path from 'node:path'
import { z } from 'zod'
import { inTurn, readJson, writeJson } from './files.ts'

const fileSchema = z.strictObject({ open: z.boolean(), language: z.enum(['zh', 'en']).nullable() })
type State = z.output<typeof fileSchema>

/** Whether the first admin is still to be led through the first steps, and what language the page begins in. On the box: another browser knows it too. */
export class Setup {
  readonly #file: string
  readonly #turn = inTurn()
  #state: State
  private constructor(file: string, state: State) { this.#file = file; this.#state = state }

  /** Throws StoreError CONSOLE_FILE. */
  static async open(folder: string): Promise<Setup> {
    const file = path.join(folder, 'setup.json')
    return new Setup(file, await readJson(file, fileSchema) ?? { open: false, language: null })
  }
  get state(): State { return this.#state }
  change(to: Partial<State>): Promise<void> {
    return this.#turn(async () => { const next = { ...this.#state, ...to }; await writeJson(this.#file, next); this.#state = next })
  }
}
