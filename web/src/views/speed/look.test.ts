import { expect, test } from 'vitest'
import type { Bench, BenchMachine, BenchReport, BenchRun } from '../../api/types'
import { plain } from '../../text/say'
import { automatic, columns, facts, gain, gainText, one, runName, stepText, title } from './look'

const run = (streams: number, rate: number, automatic = false): BenchRun => ({
  streams,
  automatic,
  bytes: 1,
  seconds: 1,
  rate,
  sender_cpu: 0,
  receiver_cpu: 0,
  over_time: [],
})
const machine = (more: Partial<BenchMachine> = {}): BenchMachine => ({
  name: 'itself',
  device: 'd',
  cores: 4,
  memory: 1e9,
  disk_write: 2e8,
  disk_read: 5e8,
  cached: false,
  limit: 0,
  ...more,
})
const report = (more: Partial<BenchReport> = {}): BenchReport => ({
  from: null,
  to: null,
  local: false,
  began: '2026-01-01T00:00:00Z',
  seconds: 1,
  network: [],
  round_trip: null,
  retransmitted: null,
  runs: [],
  gain: null,
  verdict: null,
  ...more,
})
const bench = (more: Partial<Bench> = {}): Bench => ({
  state: 'running',
  device: 'd',
  name: 'studio',
  step: 'machines',
  streams: 0,
  done: 0,
  rate: 0,
  report: report(),
  error: null,
  ...more,
})

test('what is tested', () => {
  expect(plain(title(bench()))).toBe('Speed test from studio to this machine')
  expect(plain(title(bench({ device: '', name: '' })))).toBe('Speed test of this machine')
  expect(plain(title(bench({ name: '' })))).toContain('from d to')
  expect(plain(title(bench({ name: '', report: report({ from: machine() }) })))).toContain('from itself to')
})

test.each([
  [{ step: 'machines' }, 'Measuring memory and disk of both machines'],
  [{ step: 'machines', device: '' }, 'Measuring memory and disk'],
  [{ step: 'network', streams: 1 }, 'Measuring the network: one connection'],
  [{ step: 'network', streams: 32 }, 'Measuring the network: 32 connections'],
  [{ step: 'network', streams: 8, device: '' }, 'Measuring inside this machine: 8 connections'],
  [{ step: 'streams', streams: 1 }, 'Transferring with one stream'],
  [{ step: 'streams', streams: 16 }, 'Transferring with 16 streams'],
  [{ step: 'streams', streams: 0 }, 'Transferring with as many streams as help'],
] as const)('%o in words', (more, text) => expect(stepText(bench(more))).toBe(text))

test('one stream is not what the automatic choice may have come to', () => {
  const r = report({ runs: [run(1, 5, true), run(1, 10), run(2, 20)] })
  expect(one(r)?.rate).toBe(10)
  expect(automatic(r)?.rate).toBe(5)
  expect(r.runs.map((of) => gain(of, r))).toEqual([0.5, 1, 2])
  expect(r.runs.map(runName)).toEqual(['Automatic (1 stream)', '1 stream', '2 streams'])
  expect(gain(run(2, 20), report())).toBeUndefined()
  expect(gain(run(2, 20), report({ runs: [run(1, 0)] }))).toBeUndefined()
})

test('what a gain means', () => {
  expect([12, 1.1].map(gainText)).toEqual([gainText(5), gainText(5)])
  expect([1.09, 0.91].map(gainText)).toEqual([gainText(1), gainText(1)])
  expect(gainText(0.9)).toBe(gainText(0.5))
  expect(new Set([2, 1, 0.5].map(gainText)).size).toBe(3)
})

test('the chart shows what is to come while the test runs', () => {
  const r = report({ runs: [run(1, 10), run(2, 20)] })
  const labels = (b: Bench) => columns(b).map((c) => `${c.label} ${c.rate ?? '?'}${c.live ? ' live' : ''}`)
  expect(labels(bench({ step: 'streams', streams: 4, rate: 30, report: r }))).toEqual([
    '1 10',
    '2 20',
    '4 30 live',
    '8 ?',
    '16 ?',
    '32 ?',
    'Auto ?',
  ])
  expect(labels(bench({ step: 'network', streams: 1, rate: 30 }))[0]).toBe('1 ?')
  expect(labels(bench({ step: 'streams', streams: 0, rate: 30, report: r })).at(-1)).toBe('Auto 30 live')
  expect(labels(bench({ state: 'stopped', report: r }))).toEqual(['1 10', '2 20'])
  const all = report({ runs: [...[1, 2, 4, 8, 16, 32].map((n) => run(n, n)), run(9, 40, true)] })
  expect(labels(bench({ state: 'done', report: all })).at(-1)).toBe('Auto 40')
  expect(columns(bench({ step: 'streams', report: all }))).toHaveLength(7)
})

const told = (b: Bench) =>
  facts(b).map((g) => [plain(g.title), ...g.rows.map(({ name, value }) => `${name}: ${value}`)])

test('of two machines it is told what each has to do', () => {
  const r = report({
    from: machine({ limit: 1e6, cached: true }),
    to: machine({ cores: 2 }),
    network: [
      { connections: 1, rate: 1e7 },
      { connections: 8, rate: 9e7 },
    ],
    round_trip: 0.0083,
    retransmitted: 0.0045,
  })
  expect(told(bench({ report: r }))).toEqual([
    [
      'studio sends',
      'Processor cores: 4',
      'One core encrypts and checks: 1 GB/s',
      'Disk reads, out of memory: 500 MB/s',
      'Speed limit in its settings: 1 MB/s',
    ],
    [
      'This machine receives',
      'Processor cores: 2',
      'One core encrypts and checks: 1 GB/s',
      'Disk writes: 200 MB/s',
    ],
    [
      'Network alone',
      '1 connection: 10 MB/s',
      '8 connections: 90 MB/s',
      'There and back takes: 8.3 ms',
      'Lost and sent again: 0.45%',
    ],
  ])
})

test('of one machine it is told once, and of what was not measured nothing', () => {
  const r = report({ local: true, from: machine(), to: machine() })
  expect(told(bench({ device: '', report: r }))).toEqual([
    [
      'This machine',
      'Processor cores: 4',
      'One core encrypts and checks: 1 GB/s',
      'Disk reads: 500 MB/s',
      'Disk writes: 200 MB/s',
    ],
  ])
  expect(told(bench())).toEqual([])
  expect(told(bench({ report: report({ retransmitted: 0 }) }))).toEqual([
    ['Network alone', 'Lost and sent again: nothing'],
  ])
})
