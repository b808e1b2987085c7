import { residentsPage, type Label } from '../contract/index.ts'

/** What a code is printed for. */
export interface Target {
  /** `terminal/<id of the kiosk>` or `place/<id>`. */
  readonly key: string
  readonly name: Label
  /** The terminal's, or {@link residentsPage} for a place. */
  readonly device: string
  readonly place?: string
}

export interface TargetParts {
  readonly kiosks: readonly { readonly id: string; readonly name: Label; readonly device: readonly string[]; readonly place?: string | undefined }[]
  readonly places: Readonly<Record<string, Label>>
}

/** Every place and terminal of the site file. */
export function targetsOf({ kiosks, places }: TargetParts): readonly Target[] {
  return [
    ...Object.entries(places).map(([id, name]): Target => ({ key: `place/${id}`, name, device: residentsPage, place: id })),
    ...kiosks.map(({ id, name, device, place }): Target => ({ key: `terminal/${id}`, name, device: device[0]!, ...(place === undefined ? {} : { place }) })),
  ]
}
