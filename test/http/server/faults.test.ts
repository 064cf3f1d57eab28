import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { startServer } from '../../../src/server/index.ts'
import { my, TestClient, withServer } from './client.ts'

describe('embedded server: scripted faults', () => {
  it('answers a status, a code, or nothing at the n-th call of a route', () =>
    withServer({}, async (client, server) => {
      server.faults.add({ route: 'PUT /file/content', nth: 2, kind: 'status', status: 502 })
      expect((await client.put('/a', '1')).code).toBe(0)
      const proxied = await client.raw(
        'PUT',
        `/file/content?uri=${encodeURIComponent(my('/a'))}`,
        Buffer.from('2'),
      )
      expect([proxied.status, proxied.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8'])
      expect((await client.put('/a', '3')).code).toBe(0)
      server.faults.add({ route: 'GET /file/info', every: 2, times: 2, kind: 'code', code: 50001 })
      const codes = []
      for (let i = 0; i < 6; i += 1) codes.push((await client.info('/a')).code)
      expect(codes).toEqual([0, 50001, 0, 50001, 0, 0])
      server.faults.add({ route: '*', kind: 'cut' })
      await expect(client.info('/a')).rejects.toThrow()
      expect(server.requests.of('GET /file/info').at(-1)!.wasCut).toBe(false)
    }))

  it('does the work and loses the answer', () =>
    withServer({}, async (client, server) => {
      server.faults.add({ route: 'PUT /file/content', kind: 'lostAnswer' })
      await expect(client.put('/a', 'done')).rejects.toThrow()
      expect((await server.admin.read('/a')).toString()).toBe('done')
    }))

  it('cuts contents after so many bytes, and bodies on their way in', () =>
    withServer({}, async (client, server) => {
      await client.put('/a', 'x'.repeat(1000))
      const url = await client.url('/a')
      server.faults.add({
        route: 'GET /file/content',
        kind: 'cutAfterBytes',
        bytes: 300,
      })
      const response = await fetch(url)
      let received = 0
      const reading = (async () => {
        for await (const part of response.body!) received += (part as Uint8Array).length
      })()
      await expect(reading).rejects.toThrow()
      expect(received).toBe(300)
      expect(await (await fetch(url)).text()).toHaveLength(1000)
      server.faults.add({ route: 'PUT /file/content', kind: 'cutAfterBytes', bytes: 1 })
      await expect(client.put('/a', 'never')).rejects.toThrow()
      await server.requests.until((log) => log.all.every(({ isDone }) => isDone))
      expect(await server.admin.read('/a')).toHaveLength(1000)
      expect([server.admin.lockCount, server.admin.entry('/a').metadata]).toEqual([0, {}])
    }))

  it('stalls until it is released, and shows a write that is under way', () =>
    withServer({}, async (client, server) => {
      server.faults.add({ route: 'GET /file/info', kind: 'stall' })
      const stalled = client.info('/a')
      await server.faults.untilStalled()
      await client.put('/a', 'x')
      server.faults.release()
      expect((await stalled).code).toBe(0)
    }))

  it('counts short requests that the client cut, and forgives contents that have begun', async () => {
    const server = await startServer()
    const client = await new TestClient(server).signIn()
    await client.put('/a', 'x'.repeat(5_000_000))
    const url = await client.url('/a')
    server.faults.add({
      route: 'GET /file/content',
      kind: 'stallAfterBytes',
      bytes: 1000,
    })
    await new Promise<void>((resolve) => {
      const get = request(url, (response) => {
        response.once('data', () => {
          response.once('close', () => resolve())
          get.destroy()
        })
      })
      get.end()
    })
    await server.requests.until((log) => log.all.every(({ isDone }) => isDone))
    expect(server.requests.all.filter(({ wasCut }) => wasCut)).toHaveLength(1)
    expect(server.requests.cutRequests).toEqual([])
    server.faults.add({ route: 'GET /file/info', kind: 'stall' })
    const controller = new AbortController()
    const cut = fetch(`${server.url}/api/v4/file/info?uri=${encodeURIComponent(my('/a'))}`, {
      signal: controller.signal,
    })
    await server.faults.untilStalled(2)
    controller.abort()
    await expect(cut).rejects.toThrow()
    await server.requests.until((log) => log.all.every(({ isDone }) => isDone))
    expect(server.requests.cutRequests.map(({ route }) => route)).toEqual(['GET /file/info'])
    await server.close()
  })

  it('refuses a fault for a route that no request has: it would never happen', () =>
    withServer({}, async (_, server) => {
      expect(() => server.faults.add({ route: 'POST /file/upload/:session/:index', kind: 'stall' })).toThrow(
        'no request has the route',
      )
    }))

  it('restarts though a body never ends, and drops what was half sent', () =>
    withServer({}, async (client, server) => {
      await client.put('/a', 'old')
      const upload = request(`${server.url}/api/v4/file/content?uri=${encodeURIComponent(my('/a'))}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${client.token}`, 'content-length': '1000' },
      })
      const broken = new Promise<void>((resolve) => upload.once('error', () => resolve()))
      upload.write('half')
      while (server.admin.lockCount === 0) await new Promise((resolve) => setImmediate(resolve))
      expect(await client.put('/a', 'other')).toMatchObject({ code: 40073 })
      expect((await client.info('/a')).data).toMatchObject({ size: 3 })
      await server.restart('clean')
      await broken
      while (server.admin.lockCount > 0) await new Promise((resolve) => setImmediate(resolve))
      expect((await server.admin.read('/a')).toString()).toBe('old')
      expect((await client.put('/a', 'new')).code).toBe(0)
    }))

  it('goes offline and comes back with everything that it knew', () =>
    withServer({}, async (client, server) => {
      await client.put('/a', 'x')
      await server.goOffline()
      await expect(client.info('/a')).rejects.toThrow()
      await server.goOnline()
      expect((await client.info('/a')).code).toBe(0)
    }))
})
