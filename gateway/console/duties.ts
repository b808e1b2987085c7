import path from 'node:path'
import { z } from 'zod'
import type { EpochMs } from '../contract/index.ts'
import { inTurn, readJson, writeJson } from './files.ts'

const duty = z.strictObject({ person: z.string(), from: z.number(), to: z.number().nullable(), note: z.string().nullable() })
type Duty = z.output<typeof duty>
/** About a year of three shifts a day; the oldest give way. */
const kept = 1_000
const fileOf = (folder: string): string => path.join(folder, 'duties.json')

/** Who had the desk when, and what they left: for shift reports. Read where it is asked for; also of a gateway that does not run. Throws StoreError CONSOLE_FILE. */
export async function readDuties(folder: string): Promise<readonly Duty[]> { return await readJson(fileOf(folder), z.array(duty)) ?? [] }

/** Notes of shifts as they begin and end. */
export class Duties {
  readonly #folder: string
  readonly #turn = inTurn()
  constructor(folder: string) { this.#folder = folder }

  begin(person: string, from: EpochMs): Promise<void> { return this.#write((all) => [...all, { person, from, to: null, note: null }]) }
  /** Of whoever has the desk since then; one that is over stays as it is. */
  end({ id, since }: { readonly id: string; readonly since: EpochMs }, to: EpochMs, note: string): Promise<void> {
    return this.#write((all) => all.map((each) => (each.person === id && each.from === since && each.to === null ? { ...each, to, note: note === '' ? null : note } : each)))
  }

  #write(change: (all: readonly Duty[]) => readonly Duty[]): Promise<void> {
    return this.#turn(async () => writeJson(fileOf(this.#folder), change(await readDuties(this.#folder)).slice(-kept)))
  }
}
