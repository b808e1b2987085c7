import { contactKinds, sounderDevice, type Answers, type ContactKind } from '../../../firmware-config/init/answers.ts'
import type { Label } from '../../contract/index.ts'
import { one, text, yes, type Conversation } from '../ask/question.ts'
import type { Box } from './box.ts'
import { askPlace } from './interview-devices.ts'
import * as judge from './judges.ts'

type Pins = Pick<Answers, 'gpio'>
type Contact = NonNullable<Answers['gpio']>['contacts'][number]

const kinds: Readonly<Record<ContactKind, Label>> = {
  door: { zh: '门磁', en: 'door contact' }, smoke: { zh: '烟感', en: 'smoke contact' }, leak: { zh: '水浸', en: 'water contact' }, button: { zh: '求助按钮', en: 'help button' },
}

/** Doors and smoke contacts on the box's own pins; nothing is asked where it has none. `taken`: ids of devices. */
export function* askPins(box: Box, places: Answers['places'], taken: readonly string[]): Conversation<Pins> {
  if (box.chips.length === 0 && !box.sysfsOnly) return {}
  if (!(yield* yes({ zh: '门磁、烟感等干接点接在本机引脚上吗', en: 'Are door, smoke or water contacts wired to pins of this box' }, false))) return {}
  const chip = box.chips.length < 2 ? box.chips[0]?.label : yield* one({ zh: '哪个芯片', en: 'Which chip' }, box.chips.map(({ label: value, lines }) => ({ value, label: value, hint: { zh: `${lines} 个引脚`, en: `${lines} lines` } })))
  const contacts: Contact[] = []
  do contacts.push(yield* askContact(contacts, places, taken))
  while (yield* yes({ zh: '再加一个接点', en: 'Another contact' }, false))
  return { gpio: { ...(chip === undefined ? {} : { chip }), pull: !box.sysfsOnly, contacts } }
}

function* askContact(contacts: readonly Contact[], places: Answers['places'], taken: readonly string[]): Conversation<Contact> {
  const kind = (yield* one({ zh: '这是什么', en: 'What is it' }, contactKinds.map((value) => ({ value, label: kinds[value] })))) as ContactKind
  const zh = yield* text({ zh: '中文名称', en: 'What it is called in Chinese' }, judge.given, { initial: kinds[kind].zh })
  const en = yield* text({ zh: '英文名称', en: 'What it is called in English' }, judge.given, { initial: kinds[kind].en })
  const ids = [...taken, ...contacts.map((contact) => contact.id)]
  const id = yield* text({ zh: '编号', en: 'Its id' }, judge.freeId([...ids, sounderDevice]), judge.suggestion(en, ids))
  const place = yield* askPlace(places)
  const line = judge.lineOf(yield* text({ zh: '引脚（编号或名称）', en: 'Line (offset or name)' }, judge.gpioLine(new Set(contacts.map((contact) => String(contact.line))))))
  const rest = yield* one({ zh: '平时（门关着、无报警）接点是', en: 'When all is well (door shut, no alarm) the contact is' }, [
    { value: 'closed', label: { zh: '闭合（常闭，断线也会报警）', en: 'closed (NC: a cut wire is told too)' } }, { value: 'open', label: { zh: '断开（常开）', en: 'open (NO)' } },
  ], { initial: kind === 'button' ? 'open' : 'closed' })
  return { id, name: { zh, en }, kind, line, ...(place === undefined ? {} : { place }), rest: rest as 'closed' | 'open' }
}

/** Of a relay of some device, or of a pin. */
export function* askSounder(box: Box, devices: Answers['devices'], { gpio }: Pins): Conversation<Pick<Answers, 'sounder'>> {
  const switches = devices.flatMap(({ id, name, profile }) => (box.profiles.find((each) => each.name === profile)?.switches ?? []).map(({ point, label }) => ({ value: `${id}.${point}`, label: { zh: `${name.zh} ${label.zh}`, en: `${name.en}, ${label.en}` } })))
  const pins = box.chips.length > 0 || box.sysfsOnly
  if (switches.length === 0 && !pins) return {}
  const chosen = yield* one({ zh: '报警声响用哪个继电器或蜂鸣器', en: 'Which relay or buzzer sounds for alarms' }, [
    { value: 'none', label: { zh: '没有，或以后再说', en: 'none, or later' } }, ...switches, ...(pins ? [{ value: 'pin', label: { zh: '本机引脚', en: 'a pin of this box' } }] : []),
  ], { search: true })
  if (chosen === 'none') return {}
  if (chosen !== 'pin') return { sounder: { point: chosen } }
  const taken = new Set((gpio?.contacts ?? []).map(({ line }) => String(line)))
  return { sounder: { line: judge.lineOf(yield* text({ zh: '引脚（编号或名称）', en: 'Line (offset or name)' }, judge.gpioLine(taken))) } }
}
