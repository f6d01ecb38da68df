/** The words of the pages for an office: residents, devices, duty, figures. Chinese is the source. */
export const officeZh = {
  residents: { cardsOf: '打印哪个微网格的门卡', search: '按姓名、地址、电话、设备查找', people: '人', name: '姓名', tier: '探访', mind: '注意', address: '住址', grid: '微网格', protection: '防护', none: '没有找到', more: (n: number) => `还有 ${n} 人，请再输几个字`, leaving: (n: number, who: string, day: string) => `有 ${n} 张照片的老人已不在社区名单里（编号 ${who}），${day} 起逐张删除。如果是名单弄错了，请把人加回来，照片就会留下。` },
  card: {
    title: '老人名片', visit: '探访', sign: '最近一次动静', protection: '防护', together: '同住', noContacts: '没有登记联系人', causes: '告警原因', window: '近 28 天', kind: '告警', times: '次数', ended: '怎样结束', noCauses: '近 28 天没有告警',
    nextVisit: '下次探访', overdue: '已逾期', noVisits: '社区没有制定探访计划', neverVisited: '计划开始以来还没有探访', lastVisit: (day: string, how: string, by: string) => `上次 ${[day, how, by].filter(Boolean).join(' ')}`, hows: { door: '上门', phone: '电话', video: '视频' } as Record<string, string>, doorCard: '打印门卡', moreReasons: (n: number) => `另有 ${n} 项`, noDoctor: '没有登记',
  },
  photo: { of: (name: string) => `${name}的照片`, none: '没有照片', add: '加照片', change: '换照片', remove: '删除', noConsent: '未同意用照片', unreachable: '没有连上，照片没有保存', refused: '服务没有接受，照片没有保存', unreadable: '打不开这个文件，请选一张照片' },
  days: {
    vitals: { heart_rate: '心率', respiration_rate: '呼吸' } as Record<string, string>, perMinute: '次/分',
    title: '起居与体征', length: '时间长短', lengths: { '1': '24 小时', '7': '7 天', '28': '28 天' }, table: '看表格', limits: '判断参数', charts: '看图', at: '时间', what: '项目', mean: '平均', least: '最低', most: '最高', never: '没有',
    grains: { '1': '每 5 分钟一格：起止时间取整到 5 分钟，数值是 5 分钟内的平均、最低和最高', '7': '每 30 分钟一格：起止时间取整到 30 分钟，数值是 30 分钟内的平均、最低和最高', '28': '每 1 小时一格：起止时间取整到小时，数值是 1 小时内的平均、最低和最高' },
    reasonAsk: '此户现在没有涉及老人安危的未结告警（设备、任务类和蓝色不算）。查看健康数据请写明理由；谁看过、为什么看，都会留存备查。', reasonGive: '查看', reasons: ['电话回访', '社区医生随访', '家属来电询问', '设备检修'],
    usual: (low: number, high: number) => `本人平时 ${low}–${high}`, noUsual: '数据还不够，说不出平时范围', noData: '无数据', was: (value: string, at: string) => `${at} 为 ${value}`, yes: '是', unknown: '不知道', inferred: '推断',
    alarms: '告警', noAlarms: '这段时间没有告警', noLanes: '没有可用的活动数据', withheld: { consent: '老人没有同意向您显示', role: '不对您的角色开放' }, hidden: (what: string, why: string) => `${what}：${why}`, hiddenNames: { heart_rate: '心率', respiration_rate: '呼吸', in_bed: '在床', motion: '活动', presence: '有无人', door_open: '入户门' } as Record<string, string>,
    sleep: '睡眠', nights: '近 14 夜', hours: '小时', ups: (n: number) => `起 ${n} 次`, few: '数据不足', soFar: (hours: string) => `至今 ${hours} 小时`, noNights: '近 14 夜没有床带数据', nightMean: (n: number, hours: string, ups: string) => `有数据的 ${n} 夜平均在床 ${hours} 小时，起夜 ${ups} 次`,
    vitalSummary: (what: string, band: readonly number[] | null, gaps: number, beyond: number) => `${what}曲线，${band === null ? '还没有平时范围' : `平时 ${band[0]} 到 ${band[1]}`}，${gaps} 段无数据，${beyond} 处超出平时范围`,
  },
  laneWords: { bed: '在床', kitchen: '有活动', bathroom: '有活动', other: '有活动', door: '开着', out: '外出' } as Record<string, string>,
  lanes: { bed: '在床', kitchen: '厨房', bathroom: '卫生间', other: '其他房间', door: '入户门', out: '外出' },
  devices: {
    homes: '各户防护', filter: '只看', sights: { not: '无', partly: '部分', protected: '完好', all: '全部' }, home: '住户', guard: '防护', why: '原因', count: '正常 / 全部', fine: '正常', never: '从未上报', battery: (n: number) => `电量 ${n}%`, nobody: '没有这样的住户', showAll: (n: number) => `显示全部 ${n} 户`,
    causes: '成片故障', causesHint: '同楼同因', many: (devices: number, homes: number) => `${devices} 台 ${homes} 户`, dark: (n: number) => `${n} 户未恢复`, moreCauses: (n: number) => `另有 ${n} 条`, fewerCauses: '收起', noCauses: '没有成片的故障', batteries: '电量', forecast: (dated: number, unknown: number, pending: number) => `能估日期 ${dated} 台 · 还说不准 ${unknown} 台${pending > 0 ? ` · ${pending} 台正在算` : ''}`, showAllOf: (n: number) => `全部 ${n} 台，快用完的在前`, fewer: '只看最急的', noBatteries: '没有设备报过电量',
    strangers: '未登记的设备', unknownKind: '种类不明', noStrangers: '没有未登记的设备', refused: '拒收的消息', day: '近 24 小时', noRefused: '没有拒收的消息',
  },
  duty: {
    rota: '本周排班', before: '上一周', after: '下一周', thisWeek: '本周', roles: '按角色看', everybody: '全部', who: '人员', on: '在岗', off: '不在岗', always: '没有排班，按随时在岗算',
    cover: '十分钟覆盖', allReached: (minutes: number) => `每户 ${minutes} 分钟内都有人能到`, holes: (n: number, minutes: number) => `${n} 户 ${minutes} 分钟内没人能到`, singles: (n: number) => `，${n} 户只靠一个人`, mapSummary: (holes: number, singles: number) => `覆盖示意图，${holes} 户没人能到，${singles} 户只靠一人`, more: '两人以上能到', one: '只有一人能到', nobody: '没人能到',
    ahead: '往后 12 小时', hours: '按排班推算', noHoleAhead: '按现在的排班，往后 12 小时每户都有人能到', deskEmpty: (at: string) => `${at} 起值班席没有人`, holeAt: (at: string, n: number) => `${at} 起有 ${n} 户没人能到`, peopleThere: (n: number) => `响应人员 ${n} 人`, deskThere: (n: number) => `值班席 ${n} 人`, deskNobody: '值班席无人', full: '全覆盖', short: (n: number) => `缺 ${n} 户`,
    ladder: '红色升级到谁', ladderHint: '现在', promise: '到场承诺', nobodyIn: (names: string, n: number) => (n > 5 ? `${names}等 ${n} 个微网格无人` : `${names}无人`), day: ' 日', local: (least: number, most: number) => `住户所在网格的响应人员 ${least === most ? most : `${least}–${most}`} 人`, morePeople: (n: number) => `，另有 ${n} 人`, standsIn: (name: string) => `替 ${name}`, screens: (screens: number, audible: number) => `值守屏 ${screens} · 有声 ${audible}`,
  },
  kpi: {
    example: (title: string) => `例：${title}`, period: '时间段', periods: { today: '今天', week: '近 7 天', month: '本月', last: '上月' }, csv: '导出 CSV', figures: { ack60: (limit: string) => `${limit}接警`, ack180: (limit: string) => `${limit}接警`, called60: (limit: string) => `${limit}致电`, arrive10: (limit: string) => `${limit}到场`, family60: (limit: string) => `接警后 ${limit}告知家属` }, minutes: (n: number) => `${n} 分钟内`, seconds: (n: number) => `${n} 秒内`, under: '未达标', of: (kept: number, n: number) => `${kept} / ${n} 次`,
    spread: '用时分布', spreadSummary: (words: string) => `用时分布：${words}`, median: (time: string) => `中位 ${time}`, cases: '对应的告警', recount: '可逐条复核', number: '号', code: '代码', at: '告警时间', took: '用时', kept: '达标', never: '没有发生', neverShort: '没有', yes: '是', no: '否',
    grid: '网格', allGrids: '全部网格', rule: '规则', allRules: '全部规则', level: '级别', allLevels: '全部级别', days: '逐日告警', daysHint: '点某一天看告警', falseShare: '误报比例', shares: { by_rule: '规则', by_device: '设备', by_home: '住户' }, judged: '误报 / 已判断', noneJudged: '还没有告警判定过真假', falseOf: (n: number, judged: number) => `误报 ${n} / ${judged}`, back: '回到指标', truth: '真假', truths: { real: '真事', avoidable: '可避免的误报', unavoidable: '难免的误报', unknown: '说不清', test: '测试' }, openStill: '未结', older: (n: number) => `另有 ${n} 条较早的，没有列出`,
    load: '今天的负荷', today: '条', tenMinutes: '近 10 分钟新告警', floodLine: '为洪峰线', visits: '今日应探访', desks: '各席告警负荷', alarms: '告警', mean: '平均每 10 分钟', peak: (line: number) => `最多的 10 分钟（竖线：洪峰线 ${line}）`, inFlood: '洪峰时间', floods: (n: number) => `${n} 次`, nobody: '无人接警', desk: (n: number) => `第 ${n} 席`, few: (homes: number) => `少于 ${homes} 户，不单列`, fewDays: (n: number, homes: number) => `有 ${n} 天少于 ${homes} 户，不单列`, fewRules: (n: number, homes: number) => `有 ${n} 项少于 ${homes} 户，不单列`, noLoad: '没有红、黄告警', hint: '只算红色告警（负荷含黄色），演练不算；没有样本就没有数字。「10 分钟内到场」不算电话里处理好的；过了时限还没派人的，算没到。', medianNever: '中位 —（过半没有发生）',
  },
} as const
