import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";

export interface Column<Row> {
  readonly id: string;
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Makes the column one that can be sorted by. */
  readonly sortBy?: (row: Row) => string | number;
  readonly isNumeric?: boolean;
}

interface TableProps<Row> {
  /** What the table is of, for screen readers. */
  readonly label: string;
  /** The first is the row's head. The same array as long as nothing in it changes: rows are drawn again otherwise. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Where its sorting is kept while the table is not shown. Default: nowhere. */
  readonly kept?: Signal<Sorting>;
}

export type Sorting = { readonly id: string; readonly isDown: boolean } | undefined;

/** A table, which becomes a list of cards where there is no room for its columns. */
export function Table<Row>({ label, columns, rows, keyOf, kept }: TableProps<Row>) {
  const own = useSignal<Sorting>(undefined);
  const by = kept ?? own;
  const sorting = by.value;
  return (
    <table class="table" aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <Head key={column.id} column={column} sorting={sorting} onSort={(next) => (by.value = next)} />
          ))}
        </tr>
      </thead>
      <tbody>
        {sorted(rows, columns, sorting).map((row) => (
          <TableRow key={keyOf(row)} row={row} columns={columns as readonly Column<unknown>[]} />
        ))}
      </tbody>
    </table>
  );
}

interface HeadProps<Row> {
  readonly column: Column<Row>;
  readonly sorting: Sorting;
  readonly onSort: (sorting: Sorting) => void;
}

function Head<Row>({ column: { id, head, sortBy, isNumeric }, sorting, onSort }: HeadProps<Row>) {
  const isBy = sorting?.id === id;
  const order = !isBy ? "none" : sorting.isDown ? "descending" : "ascending";
  const kind = isNumeric ? "numeric" : undefined;
  if (sortBy === undefined) {
    return (
      <th scope="col" class={kind}>
        {head}
      </th>
    );
  }
  // Up, down, and as the server has it.
  const next = !isBy ? { id, isDown: false } : sorting.isDown ? undefined : { id, isDown: true };
  return (
    <th scope="col" class={kind} aria-sort={order}>
      <button type="button" class="sort" onClick={() => onSort(next)}>
        {head}
      </button>
    </th>
  );
}

interface RowProps {
  readonly row: unknown;
  readonly columns: readonly Column<unknown>[];
}

/** Drawn again only where something in it has changed: a list of hundreds is refreshed every few seconds. */
function TableRow({ row, columns }: RowProps) {
  const kept = useRef(row);
  if (kept.current !== row && JSON.stringify(kept.current) !== JSON.stringify(row)) kept.current = row;
  const same = kept.current;
  return useMemo(
    () => (
      <tr>
        {columns.map(({ id, head, cell, isNumeric }, index) => {
          const kind = isNumeric ? "numeric" : undefined;
          return index === 0 ? (
            <th key={id} scope="row" data-label={head} class={kind}>
              {cell(same)}
            </th>
          ) : (
            <td key={id} data-label={head} class={kind}>
              {cell(same)}
            </td>
          );
        })}
      </tr>
    ),
    [same, columns],
  );
}

function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sorting: Sorting): readonly Row[] {
  const sortBy = columns.find(({ id }) => id === sorting?.id)?.sortBy;
  if (sortBy === undefined) return rows;
  const order = sorting?.isDown ? -1 : 1;
  return [...rows].sort((one, other) => order * compared(sortBy(one), sortBy(other)));
}

function compared(one: string | number, other: string | number): number {
  return typeof one === "number" && typeof other === "number"
    ? one - other
    : String(one).localeCompare(String(other), undefined, { numeric: true });
}
