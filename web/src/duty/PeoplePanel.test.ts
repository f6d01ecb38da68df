import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import type { DutyPerson } from '../api/types'
import { anAlert } from '../testing'
import PeoplePanel from './PeoplePanel.vue'

const person = (n: number, more: object = {}): DutyPerson => ({ id: `s${n}`, name: `某${n}`, role: 'volunteer', state: 'free', minutes: n, ...more }) as unknown as DutyPerson

it('whoever goes to this case has a row, however busy that makes them, and the desk writes down what they do next', async () => {
  const people = Array.from({ length: 30 }, (_, n) => person(n + 1))
  people[20] = person(21, { state: 'busy' })
  const alert = anAlert({ responders: [{ id: 's21', name: '某21', state: 'accepted' }] as never })
  const panel = mount(PeoplePanel, { props: { people, alert, minutes: 10 } })
  const rows = panel.findAll('[data-person]')
  expect(rows.map((row) => row.attributes('data-person'))).toEqual(['s21', 's1', 's2', 's3', 's4', 's5', 's6', 's7', 's8'])
  const going = rows[0]!
  expect(going.find('button.no').exists()).toBe(false) // no key chooses them
  await going.find('.report').trigger('click')
  expect(panel.emitted('report')).toEqual([['s21', 'depart']])
  expect(mount(PeoplePanel, { props: { people, alert: anAlert(), minutes: 10 } }).findAll('[data-person]').at(-1)!.attributes('data-person')).toBe('s9')
})
