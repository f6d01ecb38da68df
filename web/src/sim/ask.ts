/** What the simulator's panel asks of the service. Of its own, so that no other page carries it. */
import { ask } from '../api/client'
import type { components } from '../api/schema'

type Schemas = components['schemas']
export type SimulatorState = Schemas['SimulatorState']
export type Scenario = Schemas['ScenarioBody']
export type SimulatedHome = Schemas['SimulatedHome']
export type Started = Schemas['StartedBody']
export type Truths = Schemas['Truths']
export type JudgedTruth = Schemas['JudgedTruth']
export type SentMessage = Schemas['SentMessage']
export type FaultSwitch = Schemas['FaultSwitch']

export type Made = Schemas['Made']
export type LinkTests = Schemas['LinkTests']
export type LinkTest = Schemas['LinkTestStart']['test']

export const simulator = {
  state: () => ask<SimulatorState>('GET', '/simulator'),
  scenarios: (home: string | null) => ask<Schemas['Scenarios']>('GET', home === null ? '/simulator/scenarios' : `/simulator/scenarios?home=${encodeURIComponent(home)}`),
  homes: (words: string) => ask<Schemas['SimulatedHomes']>('GET', `/simulator/homes?limit=40&q=${encodeURIComponent(words)}`),
  truths: () => ask<Truths>('GET', '/simulator/truths?limit=60'),
  messages: () => ask<Schemas['SentMessages']>('GET', '/simulator/messages?limit=100'),
  made: () => ask<Made>('GET', '/simulator/made'),
  speed: (speed: number) => ask<SimulatorState>('POST', '/simulator/speed', { speed }),
  link: () => ask<LinkTests>('GET', '/simulator/link'),
  disturb: (body: Partial<Schemas['LinkTestStart']> & { test: LinkTest }) => ask<LinkTests>('POST', '/simulator/link', body),
  start: (body: Schemas['ScenarioStart']) => ask<Started>('POST', '/simulator/scenarios', body),
  fault: (body: Schemas['FaultStart']) => ask<FaultSwitch>('POST', '/simulator/faults', body),
  end: (id: number) => ask<void>('DELETE', `/simulator/faults/${id}`),
}
