import { cutToWidth, textWidth } from "./text-width.ts";

const GAP = 2;
/** A column that gives way to the terminal's width keeps so much. */
const LEAST_WIDTH = 8;

/**
 * Lines of aligned columns. Columns in which no row has anything are left out. Where `width` is given, the widest columns are
 * cut until the lines fit; elsewhere everything is there, for programs.
 *
 * @param rows cells without control characters
 * @param width columns of the terminal
 * @param paint colours a cell that was cut and filled already
 */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const columns = head.map((_, column) => column).filter((column) => rows.some((row) => (row[column] ?? "") !== ""));
  const all = [head, ...rows];
  const widthOf = (column: number) => all.reduce((most, row) => Math.max(most, textWidth(row[column] ?? "")), 0);
  const widths = columns.map(widthOf);
  if (width !== undefined) shrink(widths, width - GAP * (columns.length - 1));
  return all.map((row, index) => {
    const cells = columns.map((column, place) => {
      const room = widths[place] ?? 0;
      const cell = cutToWidth(row[column] ?? "", room);
      const isLast = place === columns.length - 1;
      const painted = index === 0 ? cell : paint(cell, column, index - 1);
      return isLast ? painted : painted + " ".repeat(room - textWidth(cell) + GAP);
    });
    return cells.join("").trimEnd();
  });
}

/** Takes from the widest column, again and again, until all fit or none can be narrower. */
function shrink(widths: number[], room: number): void {
  let excess = widths.reduce((sum, one) => sum + one, 0) - room;
  while (excess > 0) {
    const [widest = 0, next = 0] = [...widths].sort((a, b) => b - a);
    if (widest <= LEAST_WIDTH) return;
    const step = Math.max(1, Math.min(excess, widest - Math.max(next, LEAST_WIDTH)));
    widths[widths.indexOf(widest)] = widest - step;
    excess -= step;
  }
}
