/** What the page of everyday tasks asks of the service; apart from `api`, so that wall and desk do not carry it. */
import { ask } from '../api/client'
import type { components } from '../api/schema'

type Schemas = components['schemas']
export type Repair = Schemas['RepairBody']
export type Round = Schemas['RoundBody']
export type RoundLine = Schemas['RoundLine']
export type Campaign = Schemas['CampaignBody']
export type Proposal = Schemas['ProposalLine']
export type Integration = Schemas['IntegrationLine']

const at = encodeURIComponent

export const calls = {
  home: (id: string) => ask<Schemas['HomeDetail']>('GET', `/homes/${at(id)}`),
  repairs: (state: 'open' | 'closed') => ask<Schemas['RepairList']>('GET', `/repairs?state=${state}`),
  openRepair: (wanted: Partial<Schemas['RepairWanted']>) => ask<Schemas['RepairList']>('POST', '/repairs', wanted),
  repairStep: (id: string, step: 'assign' | 'done' | 'withdraw', word: Partial<Schemas['RepairWord']>) => ask<Repair>('POST', `/repairs/${at(id)}/${step}`, word),
  rounds: () => ask<Schemas['RoundList']>('GET', '/rounds'),
  round: (id: string) => ask<Round>('GET', `/rounds/${at(id)}`),
  beginRound: (wanted: Partial<Schemas['RoundWanted']>) => ask<Round>('POST', '/rounds', wanted),
  called: (round: string, made: Partial<Schemas['CallMade']>) => ask<Round>('POST', `/rounds/${at(round)}/calls`, made),
  campaigns: () => ask<Schemas['CampaignList']>('GET', '/campaigns'),
  beginCampaign: (wanted: Partial<Schemas['CampaignWanted']>) => ask<Campaign>('POST', '/campaigns', wanted),
  endCampaign: (id: string) => ask<Campaign>('POST', `/campaigns/${at(id)}/end`, {}),
  confirmTest: (id: string, word: Schemas['CampaignWord']) => ask<Campaign>('POST', `/campaigns/${at(id)}/confirm`, word),
  proposals: (state: 'open' | 'all') => ask<Schemas['ProposalList']>('GET', `/proposals?state=${state}`),
  tryProposal: (id: string) => ask<Proposal>('POST', `/proposals/${at(id)}/backtest`, {}),
  decideProposal: (id: string, decision: 'accept' | 'decline', note: string) => ask<Proposal>('POST', `/proposals/${at(id)}/${decision}`, { note }),
  integrations: () => ask<Schemas['IntegrationList']>('GET', '/integrations'),
  makeIntegration: (name: string, events: string[], promised_hours: number | null) => ask<Schemas['IntegrationMade']>('POST', '/integrations', { name, events, promised_hours }),
  removeIntegration: (name: string) => ask<void>('DELETE', `/integrations/${at(name)}`),
}
