import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { constants } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeDrivers } from '../e2e/each-driver.ts'
import { expectedOf } from './driver-differences.ts'
import { renameWithFlags } from './engines/kernel-calls.ts'
import { codeOf, run, Served, whyNoFuse } from './libfuse2/served.ts'

const reason = await whyNoFuse()

async function mtimeNsOf(path: string): Promise<bigint> {
  return (await fs.stat(path, { bigint: true })).mtimeNs
}

/** The same cases over both drivers; what they may differ in stands in `driver-differences.ts`. */
describeDrivers('a mount', reason, (driver) => {
  const start = (mountpoint?: string, ...args: string[]) => Served.start(driver, mountpoint, ...args)

  describe('used by programs', () => {
    let served: Served
    beforeAll(async () => {
      served = await start()
    })
    afterAll(() => served.end())
    const left = expectedOf(driver, 'nodesStayKnown') ? { openHandles: 0 } : { openHandles: 0, lookups: 0 }
    /** The kernel tells of a last close when it has nothing more urgent to do. */
    afterEach(() => expect.poll(() => served.counts()).toMatchObject(left))

    it('gives back what was written, over many requests', async () => {
      const bytes = randomBytes(3 * 1024 * 1024 + 17)
      await fs.writeFile(served.path('big'), bytes)
      expect((await fs.readFile(served.path('big'))).equals(bytes)).toBe(true)
      expect((await fs.stat(served.path('big'))).size).toBe(bytes.length)
    })

    it('remembers a file that nobody has open as long as the kernel does, or not at all [V7]', async () => {
      await fs.writeFile(served.path('closed'), 'x')
      const isKnown = async () => (await served.counts()).lookups > 0
      await expect.poll(isKnown).toBe(expectedOf(driver, 'nodesStayKnown'))
    })

    it('writes in large requests, not of a page [V3]', async () => {
      const before = await served.counts()
      await run('dd', ['if=/dev/zero', `of=${served.path('dd')}`, 'bs=1M', 'count=2', 'status=none'])
      const { writes } = await served.counts()
      expect(writes - before.writes).toBe((2 * 1024 * 1024) / expectedOf(driver, 'writeRequestBytes'))
    })

    it('appends, overwrites in the middle, leaves holes, and cuts', async () => {
      const path = served.path('parts')
      await fs.writeFile(path, 'hello')
      await fs.appendFile(path, ' world')
      const file = await fs.open(path, 'r+')
      await file.write('J', 0)
      await file.write('!', 14)
      expect(await file.readFile('latin1')).toBe('Jello world\0\0\0!')
      await file.truncate(5)
      await file.sync()
      await file.datasync()
      await file.close()
      expect(await fs.readFile(path, 'latin1')).toBe('Jello')
      await fs.truncate(path, 7)
      expect(await fs.readFile(path, 'latin1')).toBe('Jello\0\0')
      await fs.writeFile(path, 'x')
      expect(await fs.readFile(path, 'latin1')).toBe('x')
    })

    it('maps a file into memory, for reading and writing', async () => {
      await fs.writeFile(served.path('mapped'), 'hello world')
      const script =
        'import mmap,sys\nf=open(sys.argv[1],"r+b")\nm=mmap.mmap(f.fileno(),0)\nassert m[:5]==b"hello"\nm[:5]=b"HELLO"\nm.flush()\nm.close()\nf.close()'
      await run('python3', ['-c', script, served.path('mapped')])
      expect(await fs.readFile(served.path('mapped'), 'utf8')).toBe('HELLO world')
    })

    it('renames, also over another file, and moves between folders', async () => {
      await fs.mkdir(served.path('from', 'deep'), { recursive: true })
      await fs.mkdir(served.path('to'))
      await fs.writeFile(served.path('from', 'deep', 'a'), 'A')
      await fs.writeFile(served.path('to', 'b'), 'B')
      await fs.rename(served.path('from', 'deep', 'a'), served.path('to', 'b'))
      expect(await fs.readFile(served.path('to', 'b'), 'utf8')).toBe('A')
      await fs.rename(served.path('to'), served.path('from', 'deep', 'to'))
      expect(await fs.readFile(served.path('from', 'deep', 'to', 'b'), 'utf8')).toBe('A')
      await fs.rm(served.path('from'), { recursive: true })
    })

    it('an unlinked file can be used by whoever has it open, and its hidden name is never seen', async () => {
      const path = served.path('unlinked')
      await fs.writeFile(path, 'hello')
      const file = await fs.open(path, 'r+')
      await fs.unlink(path)
      expect(await fs.readdir(served.mountpoint)).not.toContain('unlinked')
      await file.write('J', 0)
      await file.truncate(4)
      expect(await file.readFile('utf8')).toBe('Jell')
      expect(await file.stat()).toMatchObject({ size: 4, nlink: 0 })
      await fs.writeFile(path, 'another')
      expect(await fs.readFile(path, 'utf8')).toBe('another')
      await file.close()
      expect(await fs.readFile(path, 'utf8')).toBe('another')
      await fs.unlink(path)
    })

    it('a file that is replaced can be read on by whoever has it open', async () => {
      const path = served.path('replaced')
      await fs.writeFile(path, 'old')
      const file = await fs.open(path, 'r')
      await fs.writeFile(served.path('temporary'), 'new')
      await fs.rename(served.path('temporary'), path)
      expect(await file.readFile('utf8')).toBe('old')
      expect(await fs.readFile(path, 'utf8')).toBe('new')
      await file.close()
      const { names } = await served.counts()
      expect(names.filter((name) => name.startsWith('.fuse_hidden'))).toEqual([])
    })

    it('lists 10,000 names, and `ls -l` shows each', async () => {
      const folder = served.path('many')
      await fs.mkdir(folder)
      const names = Array.from({ length: 10_000 }, (_, i) => `file-${String(i).padStart(5, '0')}`)
      await served.make('many', names)
      expect((await fs.readdir(folder)).sort()).toEqual(names)
      const { stdout } = await run('ls', ['-l', folder], { maxBuffer: 10_000_000 })
      expect(stdout.trim().split('\n')).toHaveLength(10_001)
    })

    it('gives the same inode number by stat and with the name', async () => {
      await fs.writeFile(served.path('numbered'), '')
      const { stdout } = await run('python3', [
        '-c',
        'import os,sys\nfor e in os.scandir(sys.argv[1]):\n  assert e.inode()==e.stat(follow_symlinks=False).st_ino!=0\nprint("same")',
        served.mountpoint,
      ])
      expect(stdout.trim()).toBe('same')
    })

    it('keeps extended attributes: long, binary, empty; getfattr lists and reads them', async () => {
      const path = served.path('attributes')
      await fs.writeFile(path, '')
      await run('setfattr', ['-n', 'user.text', '-v', 'größe', path])
      await run('setfattr', ['-n', 'user.empty', path])
      const { stdout } = await run('getfattr', ['-d', '--absolute-names', '-e', 'hex', path])
      expect(stdout).toContain(`user.text=0x${Buffer.from('größe').toString('hex')}`)
      expect(stdout).toContain('user.empty')
      const script = `import os,sys
p=sys.argv[1]
v=os.urandom(60000)
os.setxattr(p,"user.big",v)
assert os.getxattr(p,"user.big")==v
os.setxattr(p,"user.text",b"2",os.XATTR_REPLACE)
try: os.setxattr(p,"user.text",b"3",os.XATTR_CREATE); assert False
except FileExistsError: pass
os.removexattr(p,"user.text")
assert sorted(os.listxattr(p))==["user.big","user.empty"]
try: os.getxattr(p,"user.text"); assert False
except OSError as e: assert e.errno==61,e
try: os.setxattr(p,"trusted.x",b""); assert False
except OSError as e: assert e.errno==95,e`
      await run('python3', ['-c', script, path])
    })

    it('a value or a list that does not fit the program`s buffer is ERANGE, never cut', async () => {
      const path = served.path('range')
      await fs.writeFile(path, '')
      const script = `import ctypes,sys,os
c=ctypes.CDLL(None,use_errno=True)
p=sys.argv[1].encode()
os.setxattr(p,b"user.value",b"x"*100)
buf=ctypes.create_string_buffer(1000)
assert c.getxattr(p,b"user.value",buf,99)==-1 and ctypes.get_errno()==34
assert c.getxattr(p,b"user.value",buf,100)==100
assert c.getxattr(p,b"user.value",None,0)==100
assert c.listxattr(p,buf,10)==-1 and ctypes.get_errno()==34
assert c.listxattr(p,buf,11)==11
assert c.listxattr(p,None,0)==11`
      await run('python3', ['-c', script, path])
    })

    it('makes and reads symbolic links', async () => {
      await fs.writeFile(served.path('target'), 'here')
      await fs.symlink('target', served.path('link'))
      expect(await fs.readlink(served.path('link'))).toBe('target')
      expect(await fs.readFile(served.path('link'), 'utf8')).toBe('here')
      expect((await fs.lstat(served.path('link'))).isSymbolicLink()).toBe(true)
      const long = 'd/'.repeat(2_000)
      await fs.symlink(long, served.path('long-link'))
      expect(await fs.readlink(served.path('long-link'))).toBe(long)
    })

    it('shows modes, changes them, and applies the umask of the program', async () => {
      const path = served.path('mode')
      await run('sh', ['-c', 'umask 027; touch "$0"', path])
      expect((await fs.stat(path)).mode & 0o7777).toBe(0o640)
      await fs.chmod(path, 0o4755)
      expect((await fs.stat(path)).mode & 0o7777).toBe(0o4755)
      await fs.chown(path, process.getuid!(), process.getgid!())
      await expect(fs.chown(path, 12_345, -1 >>> 0)).rejects.toMatchObject({ code: 'EPERM' })
    })

    it('a chosen time arrives to the nanosecond, before 1970 too; or is accepted and not kept [V1]', async () => {
      const path = served.path('touched')
      await fs.writeFile(path, 'x')
      const written = await mtimeNsOf(path)
      const isKept = expectedOf(driver, 'chosenTimes')
      await run('touch', ['-d', '2001-02-03 04:05:06.123456789Z', path])
      expect(await mtimeNsOf(path)).toBe(isKept ? 981_173_106_123_456_789n : written)
      await run('touch', ['-d', '1969-12-31 23:59:58.5Z', path])
      expect(await mtimeNsOf(path)).toBe(isKept ? -1_500_000_000n : written)
      await run('cp', ['-p', '/etc/hostname', served.path('copied')])
      const isOfSource = (await mtimeNsOf(served.path('copied'))) === (await mtimeNsOf('/etc/hostname'))
      expect(isOfSource).toBe(isKept)
    })

    it('`touch` makes the modification time now', async () => {
      const path = served.path('touched-now')
      await fs.writeFile(path, 'x')
      const before = await mtimeNsOf(path)
      await run('touch', [path])
      expect(await mtimeNsOf(path)).toBeGreaterThan(before)
    })

    it('a rename that must not replace anything replaces nothing; a free name is taken, or the call not known [V2]', async () => {
      await fs.writeFile(served.path('taken'), 'taken')
      await fs.writeFile(served.path('source'), 'source')
      const rename = (to: string) => renameWithFlags(served.path('source'), served.path(to), 'noReplace')
      expect(await codeOf(rename('taken'))).toBe('EEXIST')
      expect(await fs.readFile(served.path('taken'), 'utf8')).toBe('taken')
      const isKnown = expectedOf(driver, 'renameNoReplace')
      expect(await codeOf(rename('free'))).toBe(isKnown ? 'done' : 'EINVAL')
      expect(await fs.readFile(served.path(isKnown ? 'free' : 'source'), 'utf8')).toBe('source')
    })

    it('shows the size of a drive larger than 32 bits of blocks', async () => {
      const { bsize, blocks } = await fs.statfs(served.mountpoint)
      expect(blocks).toBeGreaterThan(0)
      expect(bsize).toBeGreaterThan(0)
      const { stdout } = await run('df', ['--output=size', '-B1', served.mountpoint])
      expect(Number(stdout.split('\n')[1])).toBe(2 ** 33 * 4096)
    })

    it('says no as a disk does', async () => {
      await fs.mkdir(served.path('full'))
      await fs.writeFile(served.path('full', 'a'), '')
      expect(await codeOf(fs.readFile(served.path('missing')))).toBe('ENOENT')
      expect(await codeOf(fs.rmdir(served.path('full')))).toBe('ENOTEMPTY')
      expect(await codeOf(fs.mkdir(served.path('full')))).toBe('EEXIST')
      expect(await codeOf(fs.readdir(served.path('full', 'a')))).toBe('ENOTDIR')
      expect(await codeOf(fs.link(served.path('full', 'a'), served.path('b')))).toBe('EPERM')
      expect(await codeOf(fs.writeFile(served.path('x'.repeat(256)), ''))).toBe('ENAMETOOLONG')
      expect(await codeOf(fs.writeFile(served.path('full', 'a'), '', { flag: 'wx' }))).toBe('EEXIST')
      await expect(run('mkfifo', [served.path('pipe')])).rejects.toThrow('not permitted')
    })

    it('refuses names that are not UTF-8', async () => {
      const bytes = Buffer.concat([Buffer.from(`${served.mountpoint}/caf`), Buffer.from([0xe9])])
      await expect(fs.writeFile(bytes, '')).rejects.toMatchObject({ code: 'EILSEQ' })
      await expect(fs.stat(bytes)).rejects.toMatchObject({ code: 'ENOENT' })
      await fs.writeFile(served.path('café ☕ 𝄞'), '')
      expect(await fs.readdir(served.mountpoint)).toContain('café ☕ 𝄞')
    })

    it('locks work between programs of this machine [A16]', async () => {
      const path = served.path('locked')
      await fs.writeFile(path, '')
      const holder = spawn('flock', [path, 'sh', '-c', 'echo locked; read line'], { stdio: 'pipe' })
      await once(holder.stdout, 'data')
      await expect(run('flock', ['-n', path, 'true'])).rejects.toMatchObject({ code: 1 })
      holder.stdin.end('\n')
      await once(holder, 'exit')
      await run('flock', ['-n', path, 'true'])
    })

    it('locks of parts of a file work between programs of this machine [A16]', async () => {
      const path = served.path('locked-in-parts')
      await fs.writeFile(path, '0123456789')
      const script = `import fcntl,os,sys
held=open(sys.argv[1],"r+b")
fcntl.lockf(held,fcntl.LOCK_EX,5,0)
if os.fork()==0:
  other=open(sys.argv[1],"r+b")
  fcntl.lockf(other,fcntl.LOCK_EX|fcntl.LOCK_NB,5,5)
  try: fcntl.lockf(other,fcntl.LOCK_EX|fcntl.LOCK_NB,5,0)
  except BlockingIOError: os._exit(7)
  os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1])==7`
      await run('python3', ['-c', script, path])
    })

    it('sqlite3 keeps a database', async () => {
      const database = served.path('data.db')
      await run('sqlite3', [database, 'create table t(a); insert into t values(1),(2),(3);'])
      const { stdout } = await run('sqlite3', [database, 'select sum(a) from t; pragma integrity_check;'])
      expect(stdout.trim()).toBe('6\nok')
    })

    it('many programs at once get their own bytes', async () => {
      await fs.mkdir(served.path('parallel'))
      const work = async (i: number) => {
        const path = served.path('parallel', `${i}`)
        const bytes = randomBytes(100_000 + i)
        await fs.writeFile(path, bytes)
        expect((await fs.readFile(path)).equals(bytes)).toBe(true)
      }
      await Promise.all(Array.from({ length: 60 }, (_, i) => work(i)))
    })
  })

  describe('coming and going', () => {
    const started: Served[] = []
    async function begin(mountpoint?: string, ...args: string[]): Promise<Served> {
      const served = await start(mountpoint, ...args)
      started.push(served)
      return served
    }
    afterEach(async () => {
      for (const served of started.splice(0)) await served.end()
    })

    it('is shown with its source name, commas included', async () => {
      const served = await begin()
      const { stdout } = await run('findmnt', ['-n', '-o', 'FSTYPE,SOURCE', served.mountpoint])
      expect(stdout.trim().split(/\s+/).join(' ')).toBe(
        'fuse.cloudreve-mount https://cloud.example.com/a,b c',
      )
    })

    it('ends by itself after an unmount', async () => {
      const served = await begin()
      await fs.writeFile(served.path('a'), 'x')
      await served.unmount()
      expect(await served.isMounted()).toBe(false)
      expect(await served.exited).toBe(0)
    })

    it('an unmount leaves programs with open files their files, and ends when they close them', async () => {
      const served = await begin()
      const file = await fs.open(served.path('a'), 'w+')
      await served.unmount()
      expect(await served.isMounted()).toBe(false)
      await file.write('still here')
      expect((await served.counts()).openHandles).toBe(1)
      await file.close()
      expect(await served.hear(['closed'])).toMatchObject({ openHandles: 0 })
      expect(await served.exited).toBe(0)
    })

    it('notices an unmount from outside', async () => {
      const served = await begin()
      await run('fusermount3', ['-u', served.mountpoint])
      await served.hear(['closed'])
      expect(await served.exited).toBe(0)
    })

    it('a shell that stands in the folder holds nothing up', async () => {
      const served = await begin()
      const shell = spawn('sh', ['-c', 'echo here; read line'], { cwd: served.mountpoint, stdio: 'pipe' })
      await once(shell.stdout, 'data')
      await served.unmount()
      await served.hear(['closed'])
      shell.stdin.end('\n')
      expect(await served.exited).toBe(0)
    })

    it('a connection that somebody cuts is cleared away', async () => {
      const served = await begin()
      const file = await fs.open(served.path('a'), 'w+')
      await expect(run('umount', ['-f', served.mountpoint])).rejects.toThrow(/busy/)
      expect(await served.hear(['closed'])).toMatchObject({ openHandles: 0 })
      expect(await served.isMounted()).toBe(false)
      expect(await codeOf(file.read(Buffer.alloc(1), 0, 1, 0))).toMatch(/^(ENOTCONN|ECONNABORTED)$/)
      await codeOf(file.close()) // whatever it says: nobody is there to hear of it
      expect(await served.exited).toBe(0)
    })

    it('a read-only mount lets nothing be written', async () => {
      const served = await begin(undefined, 'read-only')
      await expect(fs.writeFile(served.path('a'), '')).rejects.toMatchObject({ code: 'EROFS' })
      await expect(fs.access(served.mountpoint, constants.W_OK)).rejects.toMatchObject({ code: 'EROFS' })
    })

    it('says in a sentence why a folder cannot be mounted', async () => {
      const served = await begin()
      await fs.mkdir(served.path('folder'))
      await fs.writeFile(served.path('file'), '')
      await expect(start(served.mountpoint)).rejects.toThrow(/something is mounted on .* already/)
      await expect(start(served.path('missing'))).rejects.toThrow(/there is no folder .*mkdir/)
      await expect(start(served.path('file'))).rejects.toThrow(/is not a folder/)
      await expect(start('/etc')).rejects.toThrow(/not empty/)
    })
  })
})
