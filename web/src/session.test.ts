import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, Refusal } from './api/client'
import type { Me } from './api/types'
import { me, remember, remembered, signOut, whoAmI } from './session'

const person = (user: string, role = 'volunteer'): Me => ({ user, role, name: '林师傅', staff: 's07' }) as unknown as Me
const lost = (): Promise<never> => Promise.reject(new Refusal({ status: 0, reason: 'unreachable' }))

beforeEach(() => {
  localStorage.clear()
  vi.spyOn(location, 'assign').mockImplementation(() => undefined)
  me.value = person('lin')
  remember(me.value)
  for (const key of ['task.lin', 'task.wang', 'family.lin', 'out.lin', 'out.wang', 'language']) localStorage.setItem(`anxin.${key}`, '"x"')
})
afterEach(() => localStorage.clear())

describe('what a phone keeps of who held it', () => {
  it('is nothing after signing out but what has still to be sent', async () => {
    vi.spyOn(api, 'signOut').mockResolvedValue(undefined)
    await signOut()
    expect(Object.keys(localStorage).sort()).toEqual(['anxin.language', 'anxin.out.lin', 'anxin.out.wang'])
    expect(remembered()).toBeNull()
  })
  it('is only of who is signed in now', () => {
    remember(person('wang'))
    expect(Object.keys(localStorage).sort()).toEqual(['anxin.language', 'anxin.me', 'anxin.out.lin', 'anxin.out.wang', 'anxin.task.wang'])
    localStorage.setItem('anxin.task.a.wang', '1')
    remember(person('wang'))
    expect(localStorage.getItem('anxin.task.a.wang')).toBeNull() // a name may have dots
    remember(person('chen', 'operator'))
    expect(Object.keys(localStorage).filter((key) => /task|family|me/.test(key))).toEqual([])
  })
  it('does not let somebody in again who signed out without a network', async () => {
    const out = vi.spyOn(api, 'signOut').mockImplementation(lost)
    const asked = vi.spyOn(api, 'me').mockResolvedValue(person('lin'))
    await signOut()
    await expect(whoAmI()).rejects.toThrow()
    expect(asked).not.toHaveBeenCalled()
    out.mockResolvedValue(undefined)
    asked.mockRejectedValue(new Refusal({ status: 401, reason: 'not_signed_in' }))
    expect(await whoAmI()).toBeNull()
    expect(out).toHaveBeenCalledTimes(3)
    remember(person('wang'))
    await whoAmI()
    expect(out).toHaveBeenCalledTimes(3) // somebody has signed in since
  })
})
