import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

export const binary = resolve(import.meta.dirname, '../../bin/lanyard')

/** The account that tests make. */
export const user = { name: 'asha', password: 'correct horse 9 battery' }

/** A TCP port that nothing listens on at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('no port')
  return address.port
}

/** A running `lanyard serve` with a state folder, a home and ports of its own. */
export class LanyardNode {
  readonly inbox: string
  readonly home: string
  private process: ChildProcess | undefined

  private constructor(
    readonly name: string,
    private readonly dir: string,
    readonly port: number,
    readonly pagePort: number,
    private readonly args: string[],
  ) {
    this.inbox = join(dir, 'inbox')
    this.home = join(dir, 'home')
    mkdirSync(this.home)
  }

  /** Starts a node that looks for those at the given ports of this machine. */
  static async start(name: string, around: LanyardNode[] = [], args: string[] = []): Promise<LanyardNode> {
    const dir = mkdtempSync(join(tmpdir(), 'lanyard-page-'))
    const devices = around.map((n) => `127.0.0.1:${n.port}`).join(',')
    const node = new LanyardNode(name, dir, await freePort(), await freePort(), [
      ...(devices ? ['--device', devices] : []),
      ...args,
    ])
    await node.run()
    return node
  }

  get page(): string {
    return `http://127.0.0.1:${this.pagePort}/`
  }

  /** What the node has written so far. */
  get log(): string {
    return readFileSync(join(this.dir, 'log'), 'utf8')
  }

  private get env(): NodeJS.ProcessEnv {
    const { DISPLAY: _, WAYLAND_DISPLAY: __, ...rest } = process.env
    return {
      ...rest,
      LANYARD_HOME: join(this.dir, 'state'),
      HOME: this.home,
      XDG_CONFIG_HOME: join(this.home, '.config'),
    }
  }

  async run(): Promise<void> {
    const log = openSync(join(this.dir, 'log'), 'a')
    const args = ['serve', '--name', this.name, '--bind', '127.0.0.1', '--port', String(this.port)]
    args.push('--page-port', String(this.pagePort), '--out', this.inbox, ...this.args)
    this.process = spawn(binary, args, { env: this.env, stdio: ['ignore', log, log] })
    closeSync(log)
    for (const end = Date.now() + 15_000; ;) {
      if (this.process.exitCode !== null) throw new Error(`${this.name} ended: ${this.log}`)
      try {
        await this.ask('GET', '/v1/node')
        return
      } catch (error) {
        if (Date.now() > end) throw error
        await new Promise((r) => setTimeout(r, 50))
      }
    }
  }

  /** Ends the process as a power cut would, or politely. */
  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const p = this.process
    if (!p || p.exitCode !== null || p.signalCode !== null) return
    p.kill(signal)
    await once(p, 'exit')
  }

  async remove(): Promise<void> {
    await this.kill('SIGTERM')
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** Runs a command of this node's user to its end. */
  async command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const p = spawn(binary, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    p.stdout.on('data', (d: Buffer) => (out += d.toString()))
    p.stderr.on('data', (d: Buffer) => (err += d.toString()))
    const [code] = (await once(p, 'close')) as [number | null]
    return { code: code ?? -1, out, err }
  }

  /** Asks the node as its user's commands do. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((done, failed) => {
      const call = request(
        {
          socketPath: join(this.dir, 'state', 'lanyard.sock'),
          method,
          path,
          headers: { 'Content-Type': 'application/json' },
        },
        (res) => {
          let text = ''
          res.on('data', (d: Buffer) => (text += d.toString()))
          res.on('end', () =>
            res.statusCode === 200
              ? done(JSON.parse(text) as T)
              : failed(new Error(`${method} ${path}: ${text}`)),
          )
          res.on('error', failed)
        },
      )
      call.on('error', failed)
      call.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** Makes a file below the user's home; a number stands for so many random bytes. */
  put(path: string, content: string | number): Buffer {
    const bytes = typeof content === 'number' ? randomBytes(content) : Buffer.from(content)
    mkdirSync(dirname(join(this.home, path)), { recursive: true })
    writeFileSync(join(this.home, path), bytes)
    return bytes
  }

  /** What has arrived in the inbox under a name; undefined: nothing has. */
  got(path: string): Buffer | undefined {
    const at = join(this.inbox, path)
    return existsSync(at) ? readFileSync(at) : undefined
  }

  /** The paths of all files in the inbox, in order. */
  arrived(): string[] {
    return readdirSync(this.inbox, { recursive: true, withFileTypes: true })
      .filter((f) => f.isFile() && !f.parentPath.includes('.lanyard'))
      .map((f) => join(f.parentPath, f.name).slice(this.inbox.length + 1))
      .sort()
  }

  /** The folders of dropped files that are kept. */
  drops(): string[] {
    const at = join(this.dir, 'state', 'drops')
    return existsSync(at) ? readdirSync(at) : []
  }

  /** The link that makes the account. */
  async setupLink(): Promise<string> {
    const { setup } = await this.ask<{ setup?: string }>('POST', '/v1/page')
    if (!setup) throw new Error(`${this.name} has an account already`)
    return setup
  }
}
