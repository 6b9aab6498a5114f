// Observable Plot, in one place: it is at version 0, so what it is asked for stands here alone.
import type * as PlotModule from "@observablehq/plot";
import { useEffect, useRef, useState } from "preact/hooks";

import { colours } from "../lib/theme";
import { Skeleton } from "../ui/parts";

export type Plot = typeof PlotModule;

let loading: Promise<Plot> | undefined;

function loadPlot(): Promise<Plot> {
  loading ??= import("@observablehq/plot");
  return loading;
}

// Draws `make` at the width that there is, and anew when that, the theme or `key` changes.
export function PlotChart({ label, height, dataKey, make }: {
  label: string;
  height: number;
  dataKey: string;
  make: (plot: Plot, width: number) => Element;
}) {
  const host = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<Plot>();
  const [width, setWidth] = useState(0);
  useEffect(() => {
    void loadPlot().then((loaded) => setPlot(() => loaded));
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  const theme = colours.value;
  useEffect(() => {
    if (plot === undefined || width === 0) return;
    const made = make(plot, width);
    made.setAttribute("aria-hidden", "true");
    host.current!.replaceChildren(made);
  }, [plot, width, dataKey, theme]);
  return (
    <div style={{ minHeight: `${height}px` }} role="img" aria-label={label}>
      {plot === undefined && <Skeleton height={height} label="Loading the chart" />}
      <div ref={host} class="plot" />
    </div>
  );
}
