import { describe, expect, it } from 'vitest'
import { Refusal } from '../api/client'
import { deliver, later, type Photo } from './scene'

const photo = (id: string): Photo => ({ id, alert: 'a1', at: `2026-05-23T04:0${id}:00.000Z`, picture: new Blob(['x']) })

async function sending(answers: Record<string, number>): Promise<{ gone: string[]; refused: string[] }> {
  const gone: string[] = []
  const refused = await deliver([photo('1'), photo('2'), photo('3')], {
    send: async (one) => {
      const status = answers[one.id] ?? 200
      if (status !== 200) throw new Refusal({ status, reason: `http_${status}` })
    },
    done: async (one) => gone.push(one.id),
  })
  return { gone, refused: refused.map((one) => one.reason) }
}

describe('photographs that wait for a network', () => {
  it('go one after the other', async () => {
    expect(await sending({})).toEqual({ gone: ['1', '2', '3'], refused: [] })
  })
  it('stay while nobody answers, and none overtakes another', async () => {
    expect(await sending({ 2: 0 })).toEqual({ gone: ['1'], refused: [] })
    expect([0, 401, 408, 429, 500, 503].every(later)).toBe(true)
  })
  it('are let go, and told, when the service says that it never takes them', async () => {
    expect(await sending({ 1: 403, 2: 409 })).toEqual({ gone: ['1', '2', '3'], refused: ['http_403', 'http_409'] })
    expect([403, 404, 409, 413, 422].some(later)).toBe(false)
  })
})
