/** Words of the limits of a resident, in both languages; they load with that view alone. */
import { computed } from 'vue'
import { language } from '../texts'

const NAMES: Readonly<Record<string, readonly [string, string]>> = {
  meal_lunch_from: ['午饭时段开始', 'lunch from'], meal_lunch_to: ['午饭时段结束', 'lunch until'], meal_supper_from: ['晚饭时段开始', 'supper from'], meal_supper_to: ['晚饭时段结束', 'supper until'],
  vitals_lost_seconds: ['在床却测不到心跳呼吸多久报警', 'no heartbeat or breath in bed for'], awake_from: ['白天开始', 'day from'], awake_to: ['白天结束', 'day until'],
  inactivity_yellow_hours: ['白天无活动多久黄色', 'no activity, yellow after'], inactivity_red_hours: ['白天无活动多久红色', 'no activity, red after'],
  bathroom_night_minutes: ['夜里在卫生间多久黄色', 'bathroom at night, yellow after'], bathroom_yellow_minutes: ['在卫生间多久黄色', 'bathroom, yellow after'], bathroom_red_minutes: ['在卫生间多久红色', 'bathroom, red after'],
  bathroom_night_from: ['卫生间夜间开始', 'bathroom night from'], bathroom_night_to: ['卫生间夜间结束', 'bathroom night until'], usual_get_up: ['平时起床时间', 'usual time of getting up'], get_up_latest: ['还不了解时最晚几点起床', 'up by, while not yet known'],
  morning_slack_minutes: ['比平时晚起多久提醒', 'later than usual by'], morning_from: ['早晨开始', 'morning from'], morning_to: ['早晨结束', 'morning until'],
  activity_percent: ['活动少到平时的多少', 'activity below'], kitchen_unused_days: ['几天不用厨房', 'kitchen unused for'], activity_drift_z: ['活动量慢慢变化', 'slow change of activity'], no_life_hours: ['没有任何生命迹象多久红色', 'no sign of life, red after'],
  bed_exit_from: ['夜间离床开始计', 'night in bed from'], bed_exit_to: ['夜间离床计到', 'night in bed until'], bed_exit_yellow_minutes: ['夜间离床多久黄色', 'out of bed at night, yellow after'], bed_exit_red_minutes: ['夜间离床多久红色', 'out of bed at night, red after'],
  bed_exit_extend_minutes: ['有活动时黄色顺延', 'put off while moving by'], bed_exit_still_minutes: ['离床后全屋无活动多久红色', 'out of bed and nothing moves, red after'],
  bed_door_watch: ['夜间离床又开门要看护', 'watch bed and door at night'], bed_door_from: ['夜间看护门开始', 'bed and door from'], bed_door_to: ['夜间看护门结束', 'bed and door until'], bed_door_minutes: ['开门后屋内无活动多久红色', 'nothing inside after the door, red after'],
  in_bed_yellow_hours: ['卧床多久黄色', 'in bed, yellow after'], in_bed_red_hours: ['卧床多久红色', 'in bed, red after'], get_up_slack_minutes: ['比平时晚起多久黄色', 'later up than usual, yellow by'], get_up_red_slack_minutes: ['比平时晚起多久红色', 'later up than usual, red by'],
  bed_late_watch: ['很晚没上床要提醒', 'tell when late to bed'], bed_time_latest: ['最晚上床时间', 'in bed by'], bed_time_slack_minutes: ['比平时晚上床多久', 'later to bed than usual by'], bed_late_quiet_minutes: ['未上床且无活动多久', 'not in bed and quiet for'],
  night_exits_least: ['一夜起床至少几次', 'times up in a night, at least'], night_exits_above: ['比平时多几次', 'more than usual by'], night_exits_drift_z: ['起夜次数慢慢变化', 'slow change of times up'], day_bed_more_hours: ['白天卧床比平时多', 'more in bed by day by'],
  door_unused_yellow_hours: ['门多久没开黄色', 'door unused, yellow after'], door_unused_red_hours: ['门多久没开红色', 'door unused, red after'], door_open_day_minutes: ['白天门开着多久提醒', 'door open by day for'], door_open_night_minutes: ['夜里门开着多久提醒', 'door open at night for'],
  door_open_night_from: ['门的夜间开始', 'door night from'], door_open_night_to: ['门的夜间结束', 'door night until'], door_airing: ['开门通风不提醒', 'airing is no alert'], night_exit_watch: ['夜间出门要看护', 'watch going out at night'], night_exit_from: ['夜间出门开始', 'going out from'],
  night_exit_to: ['夜间出门结束', 'going out until'], night_exit_red_minutes: ['夜间出门后屋内无活动多久红色', 'nobody inside after it, red after'], away_least_hours: ['外出至少多久', 'away at least'], away_hours: ['外出多久没回来', 'away for'], home_by: ['最晚几点回家', 'home by'], home_by_until: ['晚归计到', 'late home until'],
  door_agitation_times: ['十分钟内开门几次', 'times at the door'], heart_rate_high_red: ['心率高于多少红色', 'heart rate high, red above'], heart_rate_high_red_minutes: ['心率过高持续多久红色', 'high for, red after'], heart_quality_min: ['信号质量至少', 'signal quality at least'],
  vitals_deviation_z: ['偏离本人平时多少', 'away from the usual by'], vitals_deviation_minutes: ['偏离持续多久', 'away from the usual for'], vitals_night_z: ['整夜偏离平时多少', 'a whole night away by'], vitals_drift_z: ['体征慢慢变化', 'slow change of vitals'],
  heart_rate_high_yellow: ['心率高于多少黄色', 'heart rate high, yellow above'], heart_rate_high_yellow_minutes: ['心率偏高持续多久黄色', 'high for, yellow after'], heart_rate_low_red: ['心率低于多少红色', 'heart rate low, red below'], heart_rate_low_red_minutes: ['心率过低持续多久红色', 'low for, red after'],
  heart_rate_low_yellow: ['心率低于多少黄色', 'heart rate low, yellow below'], heart_rate_low_yellow_minutes: ['心率偏低持续多久黄色', 'low for, yellow after'], heart_rate_drop: ['心率比平时低多少', 'below the usual by'], heart_rate_drop_minutes: ['心率低于平时持续多久', 'below the usual for'],
  respiration_high_yellow: ['呼吸高于多少黄色', 'breathing fast, yellow above'], respiration_high_yellow_minutes: ['呼吸偏快持续多久黄色', 'fast for, yellow after'], respiration_high_red: ['呼吸高于多少红色', 'breathing fast, red above'], respiration_high_red_minutes: ['呼吸过快持续多久红色', 'fast for, red after'],
  respiration_low_red: ['呼吸低于多少红色', 'breathing slow, red below'], respiration_low_red_minutes: ['呼吸过慢持续多久红色', 'slow for, red after'], pauses_note: ['一小时呼吸停顿几次记一笔', 'pauses an hour, noted'], pauses_many: ['一小时呼吸停顿几次提醒', 'pauses an hour, told'],
  night_exits_watch: ['起夜次数提示', 'notes about times up'], day_bed_watch: ['白天卧床提示', 'notes about bed by day'], activity_watch: ['活动减少提示', 'notes about less activity'], vitals_drift_watch: ['体征渐变提示', 'notes about slow change of vitals'],
  vitals_deviation_watch: ['偏离本人平时的提醒', 'tell when away from the usual'], heart_rate_drop_watch: ['心率低于平时的提醒', 'tell when below the usual'], pauses_watch: ['呼吸停顿提示', 'notes about pauses of breathing'],
  leak_yellow_seconds: ['浸水多久黄色', 'leak, yellow after'], leak_red_minutes: ['浸水多久红色', 'leak, red after'], water_awake_from: ['用水白天开始', 'water day from'], water_awake_to: ['用水白天结束', 'water day until'], no_water_hours: ['多久没用水', 'no water for'], no_water_litres: ['十二小时用水不到多少才算没用水', 'less water in twelve hours than'],
  water_day_litres: ['一天用水少于', 'water in a day below'], water_run_minutes: ['水一直在流多久', 'water runs for'],
  door_unused_indoors_counts: ['屋里有动静就不算没出门', 'activity indoors speaks against it'],
  bed_exit_morning: ['几点起算起床', 'up for the day from'], bed_exit_morning_counts: ['清晨走动算起床', 'walking about early is up'], away_minutes: ['出门多久算家里没人', 'empty after the door, for'], usual_nights: ['按多少夜学习平时情况', 'nights that teach the usual'], carer_slack_minutes: ['护工早到晚走宽限', 'carer early or late by'],
}

const zh = {
  title: '判断参数', about: '哪些参数按这位老人定，谁定的，为什么，到什么时候', changed: '与默认不同', all: '全部', none: '没有与默认不同的参数', search: '查找参数', name: '参数', now: '现在', from: '来自', usual: (value: string) => `默认 ${value}`, life: '生命安全',
  sources: { default: '默认', kind: '设备种类', community: '社区', template: '分类模板', resident: '老人档案', override: '临时调整' }, quoted: (word: string) => `「${word}」`, words: { dementia: '失智', copd: '慢阻肺', atrial_fibrillation: '房颤', af: '房颤', heart_failure: '心衰', pacemaker: '起搏器', beta_blocker: '服降心率药', bedridden: '卧床', post_discharge: '刚出院', chair_sleeper: '椅子上睡', parkinson: '帕金森', diabetes: '糖尿病', hypertension: '高血压', fall_risk: '易跌倒', lives_with_spouse: '与老伴同住' } as Record<string, string>,
  by: (name: string) => `${name}定`, catalogue: '规则目录', site: '档案未写谁定的', until: (time: string) => `到 ${time}`, approved: (name: string) => `${name}复核`, steps: '来历', refused: '没有采用',
  temporary: '临时调整', noTemporary: '没有临时调整', active: '生效中', waits: '等另一人复核，还没生效', over: '已结束', ahead: '未开始', ended: (name: string) => `${name}撤回`, withdraw: '撤回', approve: '复核同意', approveOwn: '须由另一人复核',
  change: '临时改', pick: '选一个参数，填新的值；先看过去这样会怎样，再决定。', value: '改成', bounds: (low: string, high: string) => `可填 ${low} 到 ${high}`, for_: '为期', reason: '理由', reasonHint: '例如：刚出院，夜里起得勤',
  hours: (n: number) => (n < 48 ? `${n} 小时` : `${n / 24} 天`), looser: '放宽：会晚报或少报', stricter: '收紧：会早报或多报', second: '生命安全规则放宽须另一人复核，复核前不生效，最多 24 小时', doctor: '此项由医生定',
  attempt: '先看过去 30 天', trying: '正在回看', gained: '多报', lost: '少报', louder: '升级', quieter: '降级', missed: '其中真事', result: '回看', noHistory: '没有历史可回看；仍要设定请写明理由', over2: '读数太多，回看不了这么久', short: (time: string) => `历史只有 ${time}，说明不了什么`, minutes: (n: number) => `${n} 分钟`, set: '设定', setAnyway: '未经回看，仍要设定', cancel: '取消', yes: '是', no: '否', saved: '已设定',
  units: { min: '分钟', h: '小时', s: '秒', '1/min': '次/分', number: '', clock: '', bool: '', '%': '%' } as Record<string, string>, what: { gained: '多报', lost: '少报', louder: '升级', quieter: '降级', moved: '时间变了' }, failed: '没有成功', doctorWho: '医生', deskWho: '值班席',
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }
const en: Widen<typeof zh> = {
  title: 'Limits', about: 'What is set for this resident, by whom, why, and until when', changed: 'Changed from default', all: 'All', none: 'No limit differs from its default', search: 'Find a limit', name: 'Limit', now: 'Now', from: 'From', usual: (value) => `default ${value}`, life: 'life safety',
  sources: { default: 'default', kind: 'kind of device', community: 'community', template: 'template', resident: 'resident’s file', override: 'temporary' }, quoted: (word) => `: ${word.replace(/_/g, ' ')}`, words: { af: 'atrial fibrillation', copd: 'COPD' },
  by: (name) => `by ${name}`, catalogue: 'rule catalogue', site: 'the file does not say who', until: (time) => `until ${time}`, approved: (name) => `approved by ${name}`, steps: 'Where from', refused: 'not used',
  temporary: 'Temporary limits', noTemporary: 'No temporary limits', active: 'in force', waits: 'waiting for a second person, not in force yet', over: 'over', ahead: 'not begun', ended: (name) => `withdrawn by ${name}`, withdraw: 'Withdraw', approve: 'Approve', approveOwn: 'another person must approve',
  change: 'Change', pick: 'Choose a limit and give a value; see what the past would have been, then decide.', value: 'Change to', bounds: (low, high) => `from ${low} to ${high}`, for_: 'For', reason: 'Reason', reasonHint: 'for example: just discharged, up often at night',
  hours: (n) => (n < 48 ? `${n} hours` : `${n / 24} days`), looser: 'Looser: tells later or less often', stricter: 'Stricter: tells sooner or more often', second: 'Loosening a life-safety rule needs a second person; until they approve it is not in force, and it ends within 24 hours', doctor: 'For the doctor to set',
  attempt: 'Try it on the last 30 days', trying: 'Trying', gained: 'more alerts', lost: 'fewer alerts', louder: 'raised a level', quieter: 'lowered a level', missed: 'of them real', result: 'Looking back', noHistory: 'There is no history to try it on; to set it anyway, say why', over2: 'Too many readings to look back that far', short: (time) => `There are only ${time} of history: that proves little`, minutes: (n) => `${n} min`, set: 'Set', setAnyway: 'Set without a trial', cancel: 'Cancel', yes: 'yes', no: 'no', saved: 'Set',
  units: { min: 'min', h: 'h', s: 's', '1/min': '/min', number: '', clock: '', bool: '', '%': '%' }, what: { gained: 'more', lost: 'fewer', louder: 'raised', quieter: 'lowered', moved: 'at another time' }, failed: 'That did not work', doctorWho: 'doctor', deskWho: 'desk',
}

export const words = computed<Widen<typeof zh>>(() => (language.value === 'zh' ? zh : en))
/** A limit by its name for people; an unknown one as the service calls it. */
export const nameOf = (limit: string): string => NAMES[limit]?.[language.value === 'zh' ? 0 : 1] ?? limit
