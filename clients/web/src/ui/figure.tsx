// The frame of every chart: its title, and the same numbers as a table, as CSV and as an address
// that shows them again.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { addressWith, query } from "../lib/router";

export type Cell = string | number | undefined;

export interface Rows {
  columns: string[];
  // Exact values: the table rounds them, the file does not.
  rows: Cell[][];
}

interface Props {
  id: string;
  title: string;
  description?: ComponentChildren;
  data: Rows | undefined;
  // Query that shows the same numbers for ever: the position that was seen, and the instant.
  pin: Record<string, string>;
  tools?: ComponentChildren;
  children: ComponentChildren;
}

export function csvOf({ columns, rows }: Rows): string {
  const quote = (cell: Cell) => {
    const text = cell === undefined ? "" : String(cell);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(quote).join(",") + "\r\n").join("");
}

function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

function shown(cell: Cell): string {
  if (cell === undefined) return "–";
  return typeof cell === "number" ? String(Number(cell.toPrecision(6))) : cell;
}

function DataTable({ data, title }: { data: Rows; title: string }) {
  const numeric = data.columns.map((_, column) =>
    data.rows.some((row) => typeof row[column] === "number"),
  );
  return (
    <div class="scroll-x data-table" tabIndex={0} role="region" aria-label={`Data of ${title}`}>
      <table>
        <thead>
          <tr>{data.columns.map((name, i) => <th key={name} class={numeric[i] ? "right" : ""}>{name}</th>)}</tr>
        </thead>
        <tbody>
          {data.rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, column) => (
                <td key={column} class={numeric[column] ? "right" : ""}>{shown(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Figure(props: Props) {
  const [table, setTable] = useState(false);
  const [copied, setCopied] = useState(false);
  const heading = useId();
  const frame = useRef<HTMLElement>(null);
  const targeted = query.value.get("chart") === props.id;
  useEffect(() => {
    if (targeted) frame.current?.scrollIntoView({ block: "center" });
  }, [targeted]);
  const address = addressWith({ ...props.pin, chart: props.id });
  const copy = async () => {
    await navigator.clipboard.writeText(new URL(address, window.location.href).href);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  const { data } = props;
  return (
    <section ref={frame} id={props.id} class={`card${targeted ? " target" : ""}`} aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{props.title}</h2>
        <div class="tools">
          {props.tools}
          {data !== undefined && (
            <>
              <button type="button" class="button quiet" aria-pressed={table} onClick={() => setTable(!table)}>
                {table ? "Chart" : "Table"}
                <span class="hidden"> of {props.title}</span>
              </button>
              <button type="button" class="button quiet" onClick={() => download(`${props.id}.csv`, csvOf(data))}>
                CSV<span class="hidden"> of {props.title}</span>
              </button>
              <a class="button quiet" href={address} onClick={(event) => { event.preventDefault(); void copy(); }}>
                {copied ? "Copied" : "Link"}<span class="hidden"> to {props.title} as it is now</span>
              </a>
            </>
          )}
        </div>
        {props.description !== undefined && <p>{props.description}</p>}
      </header>
      <div class="card-body">
        {table && data !== undefined ? <DataTable data={data} title={props.title} /> : props.children}
      </div>
    </section>
  );
}
