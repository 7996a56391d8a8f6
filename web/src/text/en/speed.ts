import { duration, number, plural, times } from '../format'
import { say } from '../say'
import type { FailureTexts } from './failures'

export const speed = {
  lead: 'How fast files come to this machine, with one stream and with many, and what keeps them from coming faster.',
  what: 'First memory and disks are measured, then the network alone, then whole transfers with 1 to 32 streams, and with as many as lanyard finds best.',
  cost: 'This takes about a minute and keeps disks and network busy. The temporary files are removed at the end.',
  which: 'What is tested',
  self: 'This machine',
  selfWhy: 'Its disk, and transfers that stay inside it',
  deviceWhy: 'The way from there to this machine',
  away: 'Not in sight at the moment',
  untrusted: 'The way from another device can be tested when you trust each other.',
  pair: 'Pair a device',
  start: 'Start speed test',
  starting: 'Starting…',
  stop: 'Stop',
  stopping: 'Stopping…',
  again: 'Test again',
  other: 'Test something else',

  alone: 'Speed test of this machine',
  between: (name: string) => say`Speed test from ${name} to this machine`,
  bar: 'Progress of the speed test',
  rate: 'Rate now',
  steps: {
    machine: 'Measuring memory and disk',
    machines: 'Measuring memory and disk of both machines',
    way: 'Measuring the network',
    network: (n: number) =>
      plural(n, 'Measuring the network: one connection', 'Measuring the network: # connections'),
    inside: (n: number) =>
      plural(
        n,
        'Measuring inside this machine: one connection',
        'Measuring inside this machine: # connections',
      ),
    streams: (n: number) => plural(n, 'Transferring with one stream', 'Transferring with # streams'),
    automatic: 'Transferring with as many streams as help',
  },
  began: (at: string, seconds: number) => `${at}, took ${duration(seconds)}`,
  stopped: 'The test was stopped. Below is what it had found by then.',
  stoppedEarly: 'The test was stopped before it had found anything.',

  gainTitle: 'The gain of many streams',
  gain: (ratio: number) => `${times(ratio)} ×`,
  gainOf: 'one stream',
  gains: {
    more: 'Many streams bring files faster here than one does. How many to use, lanyard finds by itself.',
    same: 'One stream is as fast as many here: nothing holds a single one back.',
    less: 'One stream was the fastest here: nothing holds a single one back.',
  },
  oneStream: 'One stream',
  automatic: 'Automatic',
  automaticWith: (n: number) => plural(n, 'Automatic (# stream)', 'Automatic (# streams)'),
  automaticOf: (n: string) => `Auto (${n})`,
  auto: 'Auto',
  verdict: 'What limits it',

  byStreams: 'Rate by number of streams',
  inUnit: (unit: string) => `in ${unit}`,
  streams: 'streams',
  overTime: 'Rate over time',
  run: 'Transfer with',
  runOf: (n: number) => plural(n, '# stream', '# streams'),
  band: (n: number, mean: string, seconds: number) =>
    n === 1
      ? `One stream, on average ${mean} over ${duration(seconds)}.`
      : `${number(n)} streams, each a band on top of the others, together on average ${mean} over ${duration(seconds)}.`,
  tooShort: 'This transfer was over too soon to be seen over time.',

  runs: 'Transfers',
  columns: {
    streams: 'Streams',
    rate: 'Rate',
    gain: 'Gain',
    processor: 'Processor busy',
    sender: 'Sender busy',
    receiver: 'Receiver busy',
  },

  facts: 'Each part by itself',
  sends: (name: string) => say`${name} sends`,
  receives: 'This machine receives',
  machine: 'This machine',
  network: 'Network alone',
  insideAlone: 'Inside this machine',
  cores: 'Processor cores',
  memory: 'One core encrypts and checks',
  reads: 'Disk reads',
  readsCached: 'Disk reads, out of memory',
  writes: 'Disk writes',
  limit: 'Speed limit in its settings',
  connections: (n: number) => plural(n, '# connection', '# connections'),
  roundTrip: 'There and back takes',
  retransmitted: 'Lost and sent again',
  noLoss: 'nothing',

  failures: {
    busy: {
      title: 'One of the machines takes part in another speed test.',
      todo: 'Try again in a minute.',
    },
    not_found: {
      title: 'The other device does not answer.',
      todo: 'See that it is switched on, that lanyard runs there ("lanyard serve"), and that both are on the same network.',
    },
    source_lost: {
      title: 'The other device is gone.',
      todo: 'Test again when it is back.',
    },
    stopped: {
      title: 'The other device has ended the test.',
      todo: 'Test again when somebody there agrees.',
    },
    unauthorised: {
      title: 'The other device does not let this one test.',
      todo: 'Both have to trust each other: pair the two devices again.',
    },
    no_space: {
      title: 'There is too little free space for the test.',
      todo: 'Make space on both machines: a test uses up to a tenth of what is free.',
    },
    error: {
      title: 'The speed test did not work.',
      todo: 'See the details, then test again.',
    },
  } satisfies FailureTexts as FailureTexts,
}
