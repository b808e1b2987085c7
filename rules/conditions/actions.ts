import type { Effect, EpochMs, Json, WritePoint } from '../../gateway/contract/index.ts'
import { compile } from '../expression/compile.ts'
import { durationText } from '../expression/parse.ts'
import type { Frame, Needs, Part, Scope } from '../expression/scope.ts'
import type { ActionConfig } from './schema.ts'
import { fillLabel, fillPayload, type Values } from './text.ts'

export interface Interlock { readonly onlyIf?: Part | undefined; readonly unless?: Part | undefined }
export interface Action { readonly config: ActionConfig; readonly interlock: Interlock }

/** The keys of an action's interlock, wherever they stand. */
export function interlockOf(config: ActionConfig): { readonly onlyIf?: string | undefined; readonly unless?: string | undefined; readonly at: readonly string[] } {
  if ('write' in config) return { ...config.write, at: ['write'] }
  if ('publish' in config) return { ...config.publish, at: ['publish'] }
  if ('notify' in config) return { ...config.notify, at: ['notify'] }
  return { ...config, at: [] }
}

/** Throws ExpressionError; `enter` is told before each expression which one it is. */
export function compileAction(config: ActionConfig, scope: Scope, needs: Needs, enter: (path: readonly string[]) => void): Action {
  const { at, ...texts } = interlockOf(config)
  const part = (key: 'onlyIf' | 'unless'): Part | undefined => {
    const text = texts[key]
    if (text === undefined) return undefined
    enter([...at, key])
    return compile(text, scope, needs)
  }
  return { config, interlock: { onlyIf: part('onlyIf'), unless: part('unless') } }
}

/** Why an interlock holds back; null when it lets pass. Unknown never lets pass. */
export function heldBack({ onlyIf, unless }: Interlock, frame: Frame): 'onlyIf' | 'unless' | null {
  if (onlyIf && onlyIf.run(frame) !== true) return 'onlyIf'
  return unless && unless.run(frame) !== false ? 'unless' : null
}

export interface WriteLimit { readonly atMost: number; readonly per: number }

/** Carries actions out for one rule or scene: as effects. Keeps the writes within their limit. */
export class Hands {
  readonly #id: string
  readonly #limit: WriteLimit
  readonly #values: Values
  /** Times of the last writes, at most `atMost`. */
  #writes: EpochMs[] = []
  #limited = false
  constructor(id: string, limit: WriteLimit, values: Values) { this.#id = id; this.#limit = limit; this.#values = values }

  run(actions: readonly Action[], frame: Frame, out: Effect[]): void {
    for (const action of actions) this.act(action, frame, out)
  }

  act({ config, interlock }: Action, frame: Frame, out: Effect[]): void {
    const at = frame.now
    const why = heldBack(interlock, frame)
    if (why !== null) { if ('write' in config) out.push(this.#refused(config.write, at, 'RULE_INTERLOCK', `held back by ${why}: ${config.write[why]!}`)); return }
    const by = { ruleId: this.#id, at }
    if ('write' in config) return this.#write({ kind: 'write', ...by, point: config.write.point, value: config.write.value, deadlineMs: config.write.deadline }, out)
    if ('publish' in config) out.push({ kind: 'publish', ...by, topic: config.publish.topic, payload: fillPayload(config.publish.payload, this.#values) })
    else if ('notify' in config) out.push({ kind: 'notify', ...by, channels: config.notify.channels, text: fillLabel(config.notify.text, this.#values) })
    else out.push({ kind: 'start', ...by, scene: config.scene })
  }

  #write(effect: WritePoint, out: Effect[]): void {
    const { at } = effect
    this.#writes = this.#writes.filter((time) => time > at - this.#limit.per)
    const key = `${this.#id}/writes`
    if (this.#writes.length >= this.#limit.atMost) {
      if (this.#limited) return
      this.#limited = true
      const title = { zh: `规则“${this.#id}”写入过于频繁，已暂停写入`, en: `rule "${this.#id}" writes too often; writes are held back` }
      out.push(this.#refused(effect, at, 'RULE_WRITE_LIMIT', `more than ${this.#limit.atMost} writes in ${durationText(this.#limit.per)}`), { kind: 'raise', key, ruleId: this.#id, severity: 3, at, title, data: { point: effect.point, atMost: this.#limit.atMost, perMs: this.#limit.per } })
      return
    }
    this.#writes.push(at)
    out.push(effect)
    if (!this.#limited) return
    this.#limited = false
    out.push({ kind: 'clear', key, ruleId: this.#id, at, data: {} })
  }

  /** A command that never began, told as such. */
  #refused({ point, value }: { readonly point: string; readonly value: Json }, at: EpochMs, code: string, detail: string): Effect {
    const data = { id: null, state: 'rejected', at, actor: `rule:${this.#id}`, origin: 'rule', point, value, code, detail }
    return { kind: 'record', event: { stream: 'event', type: 'command', at, subject: point.split('.')[0]!, data } }
  }

  shift(byMs: number): void { this.#writes = this.#writes.map((time) => time + byMs) }
  state(): Json { return { writes: this.#writes, limited: this.#limited } }
  restore(state: Json | undefined): void {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) return
    const { writes, limited } = state as { readonly [key: string]: Json }
    if (Array.isArray(writes)) this.#writes = writes.filter((time): time is number => typeof time === 'number').slice(-this.#limit.atMost)
    this.#limited = limited === true
  }
}
