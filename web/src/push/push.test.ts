import { describe, expect, it } from 'vitest'
import { judge, nameOf, type PushBrowser } from './push'

const browser = (id: string): PushBrowser => ({ id, state: 'untried', detail: '', tried_at: null, verified_at: null })

describe('whether this browser hears messages', () => {
  it.each([
    ['default', null, [], 'ask', 0],
    ['granted', null, [], 'ask', 0],
    ['granted', 'a', [], 'ask', 0],
    ['granted', 'a', ['a'], 'on', 0],
    ['granted', 'a', ['b', 'a'], 'on', 1],
    ['default', null, ['b', 'c'], 'elsewhere', 2],
    ['granted', 'a', ['b'], 'elsewhere', 1],
    ['denied', 'a', ['a'], 'denied', 0],
  ] as const)('permission %s, mine %s, known %j: %s', (permission, mine, known, state, others) => {
    expect(judge(permission, mine, known.map(browser))).toMatchObject({ state, others })
  })

  it('a permission alone is no message: the service must know this browser', () => {
    expect(judge('granted', 'a', [browser('b')]).here).toBeNull()
  })

  it('the name is the one that the service makes (care.ids.content_id)', async () => {
    expect(await nameOf('https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB')).toBe('a0841c10cf4ad83cf23b')
  })
})
