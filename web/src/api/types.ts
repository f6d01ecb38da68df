/**
 * What the service says, as it says it (contract.md sections 5 and 6). Times are RFC 3339 UTC strings.
 * Fields that the wall may not see are null or absent there, so they are optional here and every screen copes.
 */
export type Level = 'red' | 'yellow' | 'blue'
export type AlertState = 'new' | 'acknowledged' | 'dispatched' | 'attended' | 'closed'
export type Condition = 'active' | 'cleared' | 'unknown'
export type ViewName = 'desk' | 'wall'
export type CallResult = 'answered' | 'no_answer' | 'busy' | 'refused' | 'wrong_number'
export type Kind =
  | 'smoke' | 'gas' | 'co' | 'sos' | 'fall' | 'water' | 'bed' | 'door' | 'device' | 'vitals' | 'activity' | 'other'

export interface Person {
  id: string
  name: string
}

export interface Responder extends Person {
  role?: string
  role_words?: string
  state: 'offered' | 'accepted' | 'declined' | 'departed' | 'arrived'
  at?: string | null
}

export interface Evidence {
  device: string
  quantity: string
  value: unknown
  at: string
  received_at?: string | null
}

export interface Finding {
  finding: string
  rule: string
  rule_version?: number | string | null
  code: string
  level: Level
  device?: string | null
  room?: string | null
  phase?: string
  onset_at?: string | null
  cleared_at?: string | null
  evidence?: Evidence[]
  parameters?: Record<string, unknown>
  tags?: string[]
}

export interface Delivery {
  id: string
  person?: string | null
  name?: string | null
  channel?: string | null
  step?: number | null
  reason?: string | null
  state: 'queued' | 'accepted' | 'refused' | 'failed'
  at?: string | null
  detail?: string | null
}

export interface Outcome {
  cause: string
  verification: string
  actions: string[]
  outcome: string
  truth: string
  note?: string | null
  by?: string | null
  by_name?: string | null
  at?: string | null
}

export interface LadderStep {
  step: number
  at_seconds: number
  due_at?: string | null
  label: string
  state: 'done' | 'next' | 'waiting' | 'skipped'
  to?: string[]
  late_seconds?: number | null
  promise?: boolean
}

export interface Place {
  estate_building?: string | null
  unit_room?: string | null
  address?: string | null
  floor?: number | null
  lift?: boolean | null
  micro_grid?: string | null
  grid?: string | null
  location?: [number, number] | null
  distance_m?: number | null
  key?: string | null
  phone?: string | null
}

export interface Resident {
  id: string
  name: string
  age?: number | null
  tier?: string | null
  tags?: { word: string; strong?: boolean }[]
}

export interface Contact {
  id: string
  name: string
  relation?: string | null
  phone?: string | null
}

export interface ScriptStep {
  n: number
  when: string
  do: string
  detail?: string | null
}

export interface ScriptQuestion {
  id: string
  ask: string
  yes?: string | null
  no?: string | null
  /** which question follows; null the next one, `end` none */
  after_yes?: string | null
  after_no?: string | null
}

export interface Suggestion {
  cause?: string
  verification?: string
  actions?: string[]
  outcome?: string
  truth?: string
}

export interface Script {
  title: string
  say?: string | null
  steps: ScriptStep[]
  questions?: ScriptQuestion[]
  hints?: string[]
  suggest?: Suggestion | null
}

export interface Called {
  to: string
  name?: string | null
  result: CallResult | string
  by?: string | null
  at?: string | null
}

export interface Alert {
  id: string
  number: number
  code: string
  level: Level
  title: string
  home?: string | null
  resident?: string | null
  room?: string | null
  micro_grid?: string | null
  onset_at?: string | null
  raised_at: string
  late_seconds?: number | null
  condition: Condition
  state: AlertState
  owner: Person | null
  responders: Responder[]
  step: number
  next_step_at?: string | null
  arrive_by?: string | null
  acknowledge_by?: string | null
  occurrences: number
  findings: Finding[]
  deliveries: Delivery[]
  outcome: Outcome | null
  version: number
  kind: Kind
  cause?: string | null
  state_words?: string | null
  test?: boolean
  acknowledged_at?: string | null
  closed_at?: string | null
  hold_until?: string | null
  resumed?: boolean
  called?: Called[]
  ladder?: LadderStep[]
  place?: Place | null
  people?: Resident[]
  contacts?: Contact[]
  script?: Script | null
}

export interface ClosedLine {
  id: string
  number?: number
  at: string
  title: string
  words: string
  seconds: number
}

export interface DutyPerson extends Person {
  role: string
  role_words?: string
  micro_grids?: string[]
  location?: [number, number] | null
  state: 'free' | 'busy' | 'away'
  doing?: string | null
  minutes?: number | null
  within?: boolean | null
}

export interface Duty {
  at?: string
  nobody: boolean
  desk: { id: string; name: string; role: string }[]
  responders: DutyPerson[]
}

export interface Figure {
  value: number | null
  n: number
  target?: number | null
  kept?: number | null
  limit_seconds?: number | null
  median_seconds?: number | null
}

export interface Kpi {
  ack60?: Figure | null
  arrive10?: Figure | null
  protected?: unknown
  visits?: { value: number | null; n: number; key?: number; important?: number; general?: number } | null
  period?: string
}

export interface ProtectionCount {
  protected: number
  partly: number
  not: number
  total: number
}

export interface Hour {
  red: number
  yellow: number
  blue: number
  /** mean of the last 28 days in this hour, when the history is available */
  mean?: number | null
}

export interface Community {
  id: string
  name: string
  timezone: string
}

export interface Me {
  user: string
  name: string
  role: string
  staff: string | null
  community: Community
  demo: boolean
  build: string
}

export interface Snapshot {
  epoch: string | number
  head: number
  now: string
  build?: string
  view: string
  community: Community
  me?: Me
  alerts: Alert[]
  closed: ClosedLine[]
  duty: Duty | null
  kpi: Kpi | null
  protection: ProtectionCount | null
  by_hour: Hour[]
  recent_10min: number
}

export interface Heartbeat {
  epoch: string | number
  head: number
  now: string
  ingest_age: number | null
  notify_lag?: number | null
  build?: string
  components?: Record<string, boolean>
}

export interface KpiEvent {
  kpi?: Kpi | null
  by_hour?: Hour[]
  protection?: ProtectionCount | null
  closed?: ClosedLine[]
  recent_10min?: number
}

export interface StripRow {
  device: string
  kind: string
  label: string
  words: string
  alarm?: boolean
  age_seconds?: number | null
  draw: 'state' | 'line' | 'ticks' | 'level'
  spans?: { from: string; to: string; value: boolean | null }[]
  points?: [string, number | null][]
  ticks?: string[]
  unit?: string | null
}

export interface Strip {
  home: string
  from: string
  to: string
  inference?: string | null
  rows: StripRow[]
}

export interface Code {
  code: string
  zh: string
  en?: string
}

export interface Codes {
  cause: Code[]
  verification: Code[]
  action: Code[]
  outcome: Code[]
  truth: Code[]
}

export interface MapGrid {
  id: string
  number: number
  name: string
  polygon: [number, number][]
  /** dividing lines between the micro-grids */
  micro: [number, number][][]
  micro_grids: { id: string; name: string; at: [number, number] }[]
  label: [number, number]
}

export interface MapBuilding {
  id: string
  grid: string
  name: string
  box: [number, number, number, number]
  homes: string[]
}

export interface CommunityMap {
  grids: MapGrid[]
  buildings: MapBuilding[]
  river: [number, number][] | null
  centre: [number, number] | null
  metres_per_unit: number
  /** with this a screen draws any other place: x = origin.x + (lon − origin.lon) × units_per_degree[1] */
  origin: { lat: number; lon: number; x: number; y: number; units_per_degree: [number, number] }
}

export interface TimelineItem {
  at: string
  type: string
  words?: string | null
  by?: string | null
  by_name?: string | null
  note?: string | null
  [more: string]: unknown
}

export interface Problem {
  type?: string
  title?: string
  status: number
  detail?: string
  reason: string
  fields?: string[]
  alert?: Alert
}
