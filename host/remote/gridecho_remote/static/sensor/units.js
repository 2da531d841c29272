// Integers in fixed units as people read them; the table is the remote's (rules/units.py).
export function unitsOf(table) {
  // [least value that it applies to, divisor, name, decimals]
  const scale = (value, unit) => (table[unit] || [[0, 1, unit, 0]]).find((row) => Math.abs(value) >= row[0]);

  function show(value, unit, [, divisor, name, decimals] = scale(value, unit)) {
    return ((value / divisor).toFixed(decimals) + " " + name).trim();
  }

  return { scale, show };
}
