/** Units of building equipment in UCUM's case-sensitive codes (unitsofmeasure.org). A code that is missing and right is added here. */
export const ucumCodes: ReadonlySet<string> = new Set([
  '1', '%', '[ppm]', '[ppb]', 'ppm', '{count}', '{rpm}', 'deg',
  'Cel', 'K', '[degF]', 'Pa', 'hPa', 'kPa', 'MPa', 'bar', 'mbar', 'lx', 'lm', 'cd', 'dB', 'dB[SPL]', 'ug/m3', 'mg/m3', 'g/m3',
  'V', 'mV', 'kV', 'A', 'mA', 'W', 'kW', 'MW', 'V.A', 'kV.A', 'var', 'kvar', 'W.h', 'kW.h', 'MW.h', 'V.A.h', 'var.h', 'kvar.h', 'Hz', 'Ohm', 'kOhm', 'F', 'C', 'J', 'kJ', 'MJ', 'GJ',
  'm', 'mm', 'cm', 'km', 'm2', 'm3', 'L', 'mL', 'm/s', 'km/h', 'm3/h', 'L/min', 'L/h', 'kg', 'g', 't', 'N',
  's', 'ms', 'min', 'h', 'd', 'By', 'kBy', 'MBy', 'bit/s',
])
