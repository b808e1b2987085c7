/** One rule or scene, as far as loops go. */
export interface Link {
  readonly id: string
  /** Points that call it. */
  readonly watches: readonly string[]
  readonly writes: readonly string[]
  readonly starts: readonly string[]
}

/** Every way round: rules whose writes call each other, each told once, as `a → relays.fan → b → scene night → a`. */
export function loops(links: readonly Link[]): readonly { readonly id: string; readonly way: string }[] {
  const byId = new Map(links.map((link) => [link.id, link]))
  const watching = new Map<string, string[]>()
  for (const { id, watches } of links) for (const point of watches) watching.set(point, [...(watching.get(point) ?? []), id])
  const next = ({ writes, starts }: Link): readonly (readonly [over: string, to: string])[] => [
    ...writes.flatMap((point) => (watching.get(point) ?? []).map((id) => [point, id] as const)),
    ...starts.filter((id) => byId.has(id)).map((id) => ['', id] as const),
  ]
  const found: { id: string; way: string }[] = []
  const state = new Map<string, 'open' | 'done'>()
  const trail: { readonly id: string; readonly over: string }[] = []
  const visit = (id: string, over: string): void => {
    if (state.get(id) === 'open') {
      const from = trail.findIndex((step) => step.id === id)
      const way = [...trail.slice(from), { id, over }].map((step, index) => (index === 0 || step.over === '' ? step.id : `${step.over} → ${step.id}`)).join(' → ')
      found.push({ id, way })
      return
    }
    if (state.has(id)) return
    state.set(id, 'open')
    trail.push({ id, over })
    for (const [by, to] of next(byId.get(id)!)) visit(to, by)
    trail.pop()
    state.set(id, 'done')
  }
  for (const { id } of links) visit(id, '')
  return found
}
