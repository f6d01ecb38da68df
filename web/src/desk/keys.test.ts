import { describe, expect, it } from 'vitest'
import { meaning, whereIs, type Where } from './keys'

const free: Where = { inField: false, onControl: false, onLink: false, inDialog: false, calling: false, enabled: true }

describe('keys', () => {
  it.each([
    [' ', 'take'], ['d', 'dispatch'], ['R', 'outcome'], ['j', 'next'], ['K', 'previous'], ['g', 'newestRed'], ['m', 'mute'], ['/', 'search'], ['?', 'help'], ['Enter', 'open'], ['Escape', 'back'],
  ])('%s does %s', (key, action) => {
    expect(meaning({ key }, free)).toMatchObject({ do: action })
  })
  it('digits choose people; 9 and 0 are held for 119 and 120', () => {
    expect(meaning({ key: '3' }, free)).toEqual({ do: 'person', index: 2 })
    expect(meaning({ key: '9' }, free)).toEqual({ do: 'hold', number: '119' })
    expect(meaning({ key: '0' }, free)).toEqual({ do: 'hold', number: '120' })
  })
  it('in a field every key is a letter', () => {
    for (const key of [' ', 'd', 'r', '9', 'm']) expect(meaning({ key }, { ...free, inField: true })).toBeNull()
  })
  it('in a dialog nothing is acknowledged; only the newest red can be reached', () => {
    expect(meaning({ key: ' ' }, { ...free, inDialog: true })).toBeNull()
    expect(meaning({ key: 'g' }, { ...free, inDialog: true })).toEqual({ do: 'newestRed' })
  })
  it('a button keeps its own Space', () => {
    expect(meaning({ key: ' ' }, { ...free, onControl: true })).toBeNull()
  })
  it('a held key does not act again and again, and browser shortcuts stay', () => {
    expect(meaning({ key: ' ', repeat: true }, free)).toBeNull()
    expect(meaning({ key: 'r', ctrlKey: true }, free)).toBeNull()
  })
  it('single keys can be switched off', () => {
    expect(meaning({ key: ' ' }, { ...free, enabled: false })).toBeNull()
    expect(meaning({ key: 'Escape' }, { ...free, enabled: false })).toEqual({ do: 'back' })
  })
  it('call results have keys only while a call runs', () => {
    expect(meaning({ key: 'x' }, free)).toBeNull()
    expect(meaning({ key: 'x' }, { ...free, calling: true })).toEqual({ do: 'callResult', key: 'X' })
  })
  it('reads from the document where a key was pressed', () => {
    document.body.innerHTML = '<dialog open><textarea></textarea></dialog><button><b>x</b></button>'
    expect(whereIs(document.querySelector('textarea'), { calling: false, enabled: true })).toMatchObject({ inField: true, inDialog: true })
    expect(whereIs(document.querySelector('b'), { calling: false, enabled: true })).toMatchObject({ onControl: true, inField: false })
  })
})
