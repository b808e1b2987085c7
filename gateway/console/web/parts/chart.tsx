import { useEffect, useRef, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { ChartAnswer, PointView } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { dayOf, numberOf, siteZone, timeOf, unitOf } from '../format.ts'
import { language, named, say, t } from '../language.ts'
import { now } from '../state.ts'
import { Failed } from './problem.tsx'

const hourMs = 3_600_000
const spans = { chartDay: 24 * hourMs, chartWeek: 7 * 24 * hourMs } as const
type Span = keyof typeof spans

/** 24 h or 7 d of one point: a band from lowest to highest, the mean in it, and nothing where nothing is known. */
export function PointChart({ point }: { readonly point: PointView }): JSX.Element {
  const [span, setSpan] = useState<Span>('chartDay')
  const [answer, setAnswer] = useState<ChartAnswer | null>(null)
  const [failed, setFailed] = useState<string | null>(null)
  useEffect(() => {
    let gone = false
    const ask = async (): Promise<void> => {
      const to = now.peek()
      const got = await call('history', { query: { point: point.id, from: to - spans[span], to, points: 288 } })
      if (gone) return
      setFailed(got.ok ? null : got.problem.code)
      if (got.ok) setAnswer(got.value)
    }
    void ask()
    const stop = clock.every(60_000, () => void ask())
    return () => { gone = true; stop() }
  }, [point.id, span])
  const known = answer?.slots.filter(({ min, max }) => min !== null && max !== null) ?? []
  const shown = unitOf(point.unit)
  const range = known.length > 0 && point.type === 'number' ? `${numberOf(Math.min(...known.map(({ min }) => min!)))} – ${numberOf(Math.max(...known.map(({ max }) => max!)))} ${shown}` : null
  return (
    <figure class="chart" aria-label={`${t('chart')}: ${named(point.name)}`}>
      <div class="filters" role="group" aria-label={t('chart')}>{(Object.keys(spans) as Span[]).map((each) => <button type="button" key={each} aria-pressed={span === each} onClick={() => setSpan(each)}>{t(each)}</button>)}</div>
      <Failed code={failed} />
      {answer && known.length === 0 ? <p class="empty">{t('chartNone')}</p> : null}
      {answer && known.length > 0 ? <Plot answer={answer} isBoolean={point.type === 'boolean'} key={`${span} ${language.value}`} /> : null}
      {range ? <figcaption><span class="swatch band" />{t('chartBand')} {range}<span class="swatch mean" />{t('chartMean')}<span>{t('chartGaps')}</span></figcaption> : null}
    </figure>
  )
}

const ink = '#33475a'
function Plot({ answer, isBoolean }: { readonly answer: ChartAnswer; readonly isBoolean: boolean }): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const data: uPlot.AlignedData = [
    answer.slots.map(({ at }) => at / 1_000), answer.slots.map(({ max }) => max), answer.slots.map(({ min }) => min), answer.slots.map(({ mean }) => mean),
  ]
  useEffect(() => {
    const element = box.current!
    const axis = { stroke: ink, font: '15px system-ui, sans-serif', grid: { stroke: '#d9e1e7', width: 1 }, ticks: { stroke: '#b9c5cf', width: 1 } }
    const made = plot.current = new uPlot({
      width: element.clientWidth, height: 260,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), siteZone()),
      legend: { show: false }, cursor: { show: false },
      scales: { x: { time: true, range: [answer.from / 1_000, answer.to / 1_000] }, y: { range: (_plot, min, max) => (isBoolean ? [-0.1, 1.1] : min === max ? [min - 1, max + 1] : uPlot.rangeNum(min, max, 0.1, true)) } },
      axes: [
        { ...axis, space: 70, values: (_plot, splits) => splits.map((split) => { const time = timeOf(split * 1_000); return time === '00:00' ? dayOf(split * 1_000).slice(5) : time }) },
        { ...axis, size: 64, ...(isBoolean ? { splits: () => [0, 1], values: () => [t('no'), t('yes')] } : { values: (_plot: uPlot, splits: number[]) => splits.map(numberOf) }) },
      ],
      series: [{}, { stroke: '#7fb0d0', width: 1, spanGaps: false, points: { show: false } }, { stroke: '#7fb0d0', width: 1, spanGaps: false, points: { show: false } }, { stroke: '#0f4c75', width: 2, spanGaps: false }],
      bands: [{ series: [1, 2], fill: '#cfe3f0' }],
    }, data, element)
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 260 }))
    watch.observe(element)
    return () => { watch.disconnect(); made.destroy() }
  }, [])
  useEffect(() => { plot.current?.setScale('x', { min: answer.from / 1_000, max: answer.to / 1_000 }); plot.current?.setData(data) }, [answer])
  return <div class="plot" ref={box} role="img" aria-label={`${t('chart')} ${say('since', timeOf(answer.from))}`} />
}
