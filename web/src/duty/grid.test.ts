import { afterEach, expect, it } from 'vitest'
import { nextShift } from './grid'

const shift = (id: string): string => `<button class="shift" id="${id}"></button>`
afterEach(() => { document.body.innerHTML = '' })

it('arrows go from shift to shift of a row and of a day, past who has none', () => {
  document.body.innerHTML = `<table><tbody>
    <tr><th></th><td>${shift('a1')}${shift('a2')}</td><td></td><td>${shift('a3')}</td></tr>
    <tr><th></th><td colspan="7">always there</td></tr>
    <tr><th></th><td><span class="shift"></span></td><td>${shift('b2')}</td><td>${shift('b3')}</td></tr>
    <tr><th></th><td>${shift('c1')}</td><td>${shift('c2')}</td><td></td></tr>
  </tbody></table>`
  const to = (id: string, key: string): string | null => nextShift(document.getElementById(id)!, key)?.id ?? null
  expect(['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp', 'End', 'Tab'].map((key) => to('a1', key))).toEqual(['a2', 'a2', null, null, 'a3', null])
  expect(['ArrowRight', 'ArrowDown', 'Home'].map((key) => to('a2', key))).toEqual(['a3', 'c1', 'a1'])
  expect(['ArrowUp', 'ArrowLeft', 'ArrowDown'].map((key) => to('b3', key))).toEqual(['a3', 'b2', null])
  expect(['ArrowUp', 'ArrowDown'].map((key) => to('c2', key))).toEqual(['b2', null])
})
