import type { JSX } from 'preact'
import { named, t } from '../language.ts'
import { people } from '../state.ts'

interface PickerProps { readonly id: string; readonly value: string; readonly onPick: (id: string) => void }
export function PersonPicker({ id, value, onPick }: PickerProps): JSX.Element {
  return (
    <select id={id} required value={value} onChange={(event) => onPick(event.currentTarget.value)}>
      <option value="">{t('choosePerson')}</option>
      {people.value.map((person) => <option key={person.id} value={person.id}>{named(person.name)}</option>)}
    </select>
  )
}
