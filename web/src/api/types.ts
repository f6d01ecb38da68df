/**
 * What the service says, under the names the screens use. The shapes come from schema.ts, which `npm run client` makes
 * from docs/openapi.json; only what the document leaves open is said here: closed words, and lists that `whole` fills in.
 * Times are RFC 3339 UTC strings. Fields that a view may not see are null or absent, so every screen copes.
 */
import type { components } from './schema'

type Schemas = components['schemas']

/** A shape with some of its fields told anew: a closed list of words for `string`, our own names for its parts. */
type With<Shape, Told extends { [Key in keyof Told]: Key extends keyof Shape ? unknown : never }> =
  Omit<Shape, keyof Told> & Told

/** What a screen needs of a shape is there; the rest may be absent, because views are redacted and services older. */
type Needs<Shape, Keys extends keyof Shape> =
  { [Key in Keys]-?: Exclude<Shape[Key], undefined> } & Partial<Omit<Shape, Keys>>

export type Level = Schemas['Level']
export type AlertState = Schemas['AlertState']
export type Condition = Schemas['Condition']
export type ViewName = 'desk' | 'wall' | 'responder' | 'family'
export type CallResult = 'answered' | 'no_answer' | 'busy' | 'refused' | 'wrong_number'
export type Kind =
  | 'smoke' | 'gas' | 'co' | 'sos' | 'fall' | 'water' | 'bed' | 'door' | 'device' | 'vitals' | 'activity' | 'other'

export type Person = Schemas['Person']
export type Responder = With<Schemas['Responder'], {
  state: 'offered' | 'accepted' | 'declined' | 'departed' | 'arrived' | 'left'
}>
export type Evidence = Schemas['EvidenceBody']
export type Finding = Needs<Schemas['FindingBody'], 'finding' | 'rule' | 'code' | 'level'>
export type Delivery = Needs<
  With<Schemas['DeliveryBody'], { state: 'queued' | 'accepted' | 'refused' | 'failed' }>, 'id' | 'state'
>
export type Outcome = Needs<Schemas['OutcomeBody'], 'cause' | 'verification' | 'actions' | 'outcome' | 'truth'>
export type LadderStep = Needs<Schemas['LadderStep'], 'step' | 'at_seconds' | 'label' | 'state'>
export type Place = Schemas['Place']
/** Without an `id` only in the views of responders and families, which have other screens. */
export type Resident = Needs<With<Schemas['ResidentBody'], { id: string }>, 'id' | 'name'>
export type Contact = Schemas['ContactBody']
export type ScriptStep = Schemas['ScriptStep']
export type ScriptQuestion = Schemas['Question']
export type Suggestion = Schemas['Suggestion']
export type Script = Needs<Schemas['Script'], 'title' | 'steps'>
export type Called = Needs<Schemas['CalledBody'], 'to' | 'result'>

/** A case; the lists are there once `whole` has seen it. */
export type Alert = Needs<
  With<Schemas['Alert'], {
    kind: Kind
    responders: Responder[]
    findings: Finding[]
    deliveries: Delivery[]
    outcome: Outcome | null
    ladder?: LadderStep[]
    called?: Called[]
    people?: Resident[]
    script?: Script | null
  }>,
  | 'id' | 'number' | 'code' | 'level' | 'title' | 'raised_at' | 'condition' | 'state' | 'owner' | 'responders' | 'step'
  | 'occurrences' | 'findings' | 'deliveries' | 'outcome' | 'version' | 'kind'
>

export type ClosedLine = Needs<Schemas['ClosedLine'], 'id' | 'at' | 'title' | 'words' | 'seconds'>
export type DutyPerson = Needs<Schemas['DutyResponder'], 'id' | 'name' | 'role' | 'state'>
export type Duty = Needs<With<Schemas['Duty'], { responders: DutyPerson[] }>, 'nobody' | 'desk' | 'responders'>
export type Figure = Needs<Schemas['Figure'], 'value' | 'n'>
/** `visits` is null until the service counts them. */
export type Kpi = Partial<With<Schemas['Kpi'], {
  ack60: Figure | null
  arrive10: Figure | null
  visits: { value: number | null; n: number; key?: number; important?: number; general?: number } | null
}>>
export type ProtectionCount = Schemas['ProtectionCount']
/** `mean` of the last 28 days in this hour is drawn when it is there; the service does not send it yet. */
export type Hour = Schemas['Hour'] & { mean?: number | null }
export type Community = Schemas['CommunityBody']
export type Me = Schemas['Me']
export type Snapshot = Needs<
  With<Schemas['SnapshotData'], {
    alerts: Alert[]
    closed: ClosedLine[]
    duty: Duty | null
    kpi: Kpi | null
    by_hour: Hour[]
  }>,
  | 'epoch' | 'head' | 'now' | 'view' | 'community' | 'alerts' | 'closed' | 'duty' | 'kpi' | 'protection' | 'by_hour'
  | 'recent_10min' | 'flood'
>
export type Heartbeat = Needs<Schemas['HeartbeatData'], 'epoch' | 'head' | 'now' | 'ingest_age'>
export type KpiEvent = Partial<With<Schemas['KpiData'], { kpi: Kpi | null; by_hour: Hour[]; closed: ClosedLine[] }>>
export type StripRow = Needs<Schemas['StripRow'], 'device' | 'kind' | 'label' | 'words' | 'draw'>
export type Strip = Needs<With<Schemas['Strip'], { rows: StripRow[] }>, 'home' | 'from' | 'to' | 'rows'>
export type Code = Needs<Schemas['Code'], 'code' | 'zh'>
export type Codes = { [List in keyof Schemas['Codes']]: Code[] }
export type TimelineItem = Pick<Schemas['TimelineItem'], 'at' | 'type'> & Partial<Schemas['TimelineItem']>

export type ResidentLine = Schemas['ResidentLine']
export type ResidentCard = Schemas['ResidentCard']
export type ResidentDays = Schemas['ResidentDays']
export type Vital = Schemas['Vital']
export type Night = Schemas['Night']
export type Lane = Schemas['Lane']
export type AlarmFlag = Schemas['AlarmFlag']
export type HomeLine = Schemas['HomeBody']
export type DeviceLine = Schemas['DeviceBody']
export type FigureFull = Schemas['Figure']
export type FigureCase = Schemas['FigureCase']
export type FamilyNews = Schemas['FamilyPage']

/** Of an answer that is no success; `status: 0` and `unreachable` are our own words for no answer at all. */
export type Problem = Pick<Schemas['ProblemBody'], 'status' | 'reason'> & {
  type?: string
  title?: string
  detail?: string
  fields?: string[]
  /** Of a limit: why it may not be set. */
  why?: { code: string; zh: string; en: string }
  alert?: Alert
}

/** `GET /map` has no shape in the document yet. */
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
