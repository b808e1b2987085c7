import type { Label } from '../../gateway/contract/index.ts'

/** The first two digits of GB/T 2260: province-level divisions, in the order of the standard. */
export const provinces: ReadonlyMap<string, Label> = new Map([
  ['11', { zh: '北京市', en: 'Beijing' }], ['12', { zh: '天津市', en: 'Tianjin' }], ['13', { zh: '河北省', en: 'Hebei' }], ['14', { zh: '山西省', en: 'Shanxi' }], ['15', { zh: '内蒙古自治区', en: 'Inner Mongolia' }],
  ['21', { zh: '辽宁省', en: 'Liaoning' }], ['22', { zh: '吉林省', en: 'Jilin' }], ['23', { zh: '黑龙江省', en: 'Heilongjiang' }],
  ['31', { zh: '上海市', en: 'Shanghai' }], ['32', { zh: '江苏省', en: 'Jiangsu' }], ['33', { zh: '浙江省', en: 'Zhejiang' }], ['34', { zh: '安徽省', en: 'Anhui' }], ['35', { zh: '福建省', en: 'Fujian' }], ['36', { zh: '江西省', en: 'Jiangxi' }], ['37', { zh: '山东省', en: 'Shandong' }],
  ['41', { zh: '河南省', en: 'Henan' }], ['42', { zh: '湖北省', en: 'Hubei' }], ['43', { zh: '湖南省', en: 'Hunan' }], ['44', { zh: '广东省', en: 'Guangdong' }], ['45', { zh: '广西壮族自治区', en: 'Guangxi' }], ['46', { zh: '海南省', en: 'Hainan' }],
  ['50', { zh: '重庆市', en: 'Chongqing' }], ['51', { zh: '四川省', en: 'Sichuan' }], ['52', { zh: '贵州省', en: 'Guizhou' }], ['53', { zh: '云南省', en: 'Yunnan' }], ['54', { zh: '西藏自治区', en: 'Tibet' }],
  ['61', { zh: '陕西省', en: 'Shaanxi' }], ['62', { zh: '甘肃省', en: 'Gansu' }], ['63', { zh: '青海省', en: 'Qinghai' }], ['64', { zh: '宁夏回族自治区', en: 'Ningxia' }], ['65', { zh: '新疆维吾尔自治区', en: 'Xinjiang' }],
  ['71', { zh: '台湾省', en: 'Taiwan' }], ['81', { zh: '香港特别行政区', en: 'Hong Kong' }], ['82', { zh: '澳门特别行政区', en: 'Macao' }],
])

/** Districts of Wuhan, the one city whose list is at hand here. Elsewhere the code is typed and only its province is known. */
export const wuhanDistricts: ReadonlyMap<string, Label> = new Map([
  ['420102', { zh: '江岸区', en: "Jiang'an" }], ['420103', { zh: '江汉区', en: 'Jianghan' }], ['420104', { zh: '硚口区', en: 'Qiaokou' }], ['420105', { zh: '汉阳区', en: 'Hanyang' }], ['420106', { zh: '武昌区', en: 'Wuchang' }],
  ['420107', { zh: '青山区', en: 'Qingshan' }], ['420111', { zh: '洪山区', en: 'Hongshan' }], ['420112', { zh: '东西湖区', en: 'Dongxihu' }], ['420113', { zh: '汉南区', en: 'Hannan' }], ['420114', { zh: '蔡甸区', en: 'Caidian' }],
  ['420115', { zh: '江夏区', en: 'Jiangxia' }], ['420116', { zh: '黄陂区', en: 'Huangpi' }], ['420117', { zh: '新洲区', en: 'Xinzhou' }],
])

/** As far as it can be told from the code. */
export function regionName(code: string): Label | null {
  const province = provinces.get(code.slice(0, 2))
  const district = wuhanDistricts.get(code)
  if (!province) return null
  return district ? { zh: `${province.zh}武汉市${district.zh}`, en: `${district.en}, Wuhan, ${province.en}` } : province
}

export const hasProvince = (code: string): boolean => provinces.has(code.slice(0, 2))
