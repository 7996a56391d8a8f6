import type { Bench, BenchReport, BenchRun } from '../../api/types'
import { t } from '../../text'
import { latency, number, rate, smallPercent } from '../../text/format'
import { say, type Sentence } from '../../text/say'

/** What is tested: "Speed test from studio to this machine". */
export function title(b: Bench): Sentence {
  return b.device ? t.speed.between(b.name || b.report.from?.name || b.device) : say`${t.speed.alone}`
}

/** What is being measured now. */
export function stepText(b: Bench): string {
  const s = t.speed.steps
  switch (b.step) {
    case 'machines':
      return b.device ? s.machines : s.machine
    case 'network':
      if (b.streams === 0) return s.way
      return b.device ? s.network(b.streams) : s.inside(b.streams)
    default:
      return b.streams === 0 ? s.automatic : s.streams(b.streams)
  }
}

/** The transfer with one stream, and that with as many as helped. */
export const one = (r: BenchReport) => r.runs.find((run) => run.streams === 1 && !run.automatic)
export const automatic = (r: BenchReport) => r.runs.find((run) => run.automatic)

/** How many times the rate of one stream a transfer had; undefined: that is not known. */
export function gain(run: BenchRun, r: BenchReport): number | undefined {
  const rate = one(r)?.rate
  return rate ? run.rate / rate : undefined
}

/** What a gain means. */
export function gainText(ratio: number): string {
  const g = t.speed.gains
  if (ratio >= 1.1) return g.more
  return ratio > 0.9 ? g.same : g.less
}

/** What a run is called: "8 streams", "Automatic (11 streams)". */
export function runName(run: BenchRun): string {
  return run.automatic ? t.speed.automaticWith(run.streams) : t.speed.runOf(run.streams)
}

/** A column of the chart of rates. */
export interface Column {
  label: string
  automatic: boolean
  /** In bytes a second; undefined: not measured yet. */
  rate: number | undefined
  /** Whether it is being measured. */
  live: boolean
}

/** The numbers of streams that the node tries; 0: as many as help. */
const tried = [1, 2, 4, 8, 16, 32, 0]

/** The columns of the chart: what was measured and, while the test runs, what is to come. */
export function columns(b: Bench): Column[] {
  const measured = b.report.runs.map((run) => ({
    label: run.automatic ? t.speed.auto : number(run.streams),
    automatic: run.automatic,
    rate: run.rate as number | undefined,
    live: false,
  }))
  if (b.state !== 'running') return measured
  const isMeasured = (streams: number) =>
    b.report.runs.some((run) => (run.automatic ? streams === 0 : run.streams === streams))
  return [
    ...measured,
    ...tried
      .filter((streams) => !isMeasured(streams))
      .map((streams) => {
        const live = b.step === 'streams' && b.streams === streams && b.rate > 0
        return {
          label: streams === 0 ? t.speed.auto : number(streams),
          automatic: streams === 0,
          rate: live ? b.rate : undefined,
          live,
        }
      }),
  ]
}

export interface Group {
  title: Sentence
  rows: { name: string; value: string }[]
}

/** What was measured by itself, by machine and way. */
export function facts(b: Bench): Group[] {
  const r = b.report
  const l = t.speed
  const groups: Group[] = []
  const machine = (title: Sentence, m: BenchReport['from'], reads: boolean, writes: boolean) => {
    if (!m) return
    const rows = [
      { name: l.cores, value: number(m.cores) },
      { name: l.memory, value: rate(m.memory) },
    ]
    if (reads) rows.push({ name: m.cached ? l.readsCached : l.reads, value: rate(m.disk_read) })
    if (writes) rows.push({ name: l.writes, value: rate(m.disk_write) })
    if (m.limit > 0) rows.push({ name: l.limit, value: rate(m.limit) })
    groups.push({ title, rows })
  }
  if (b.device) {
    machine(l.sends(b.name || r.from?.name || b.device), r.from, true, false)
    machine(say`${l.receives}`, r.to, false, true)
  } else {
    machine(say`${l.machine}`, r.to, true, true)
  }
  const way = r.network.map((n) => ({ name: l.connections(n.connections), value: rate(n.rate) }))
  if (r.round_trip !== null) way.push({ name: l.roundTrip, value: latency(r.round_trip) })
  if (r.retransmitted !== null)
    way.push({
      name: l.retransmitted,
      value: r.retransmitted > 0 ? smallPercent(r.retransmitted) : l.noLoss,
    })
  if (way.length > 0) groups.push({ title: say`${b.device ? l.network : l.insideAlone}`, rows: way })
  return groups
}
