// A layered drawing of a graph without cycles (Sugiyama, Tagawa and Toda 1981): each node below its
// parents, arcs over several layers by way of points in between, each layer ordered by the middle of
// its neighbours (Eades and Wormald 1994) until arcs no longer cross less.

export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Arc {
  from: string;
  to: string;
  // Points that the arc passes, from the parent's lower edge to the child's upper edge.
  points: { x: number; y: number }[];
}

export interface Layout {
  boxes: Box[];
  arcs: Arc[];
  width: number;
  height: number;
}

export interface Input {
  id: string;
  parents: string[];
  height: number;
}

const BOX_WIDTH = 196;
const GAP_X = 26;
const GAP_Y = 64;
const BEND_WIDTH = 14;
const SWEEPS = 12;
const STRAIGHTENING = 24;

interface Cell {
  id: string;
  bend: boolean;
  layer: number;
  width: number;
  height: number;
  x: number;
  up: Cell[];
  down: Cell[];
}

// The layer of each node: one below the lowest of its parents.
function layersOf(nodes: Input[]): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const layers = new Map<string, number>();
  const visit = (id: string): number => {
    const known = layers.get(id);
    if (known !== undefined) return known;
    layers.set(id, 0);
    const parents = byId.get(id)?.parents.filter((parent) => byId.has(parent)) ?? [];
    const layer = parents.length === 0 ? 0 : 1 + Math.max(...parents.map(visit));
    layers.set(id, layer);
    return layer;
  };
  for (const node of nodes) visit(node.id);
  return layers;
}

function connect(parent: Cell, child: Cell): void {
  parent.down.push(child);
  child.up.push(parent);
}

function crossings(layers: Cell[][]): number {
  let total = 0;
  for (let i = 0; i + 1 < layers.length; ++i) {
    const place = new Map(layers[i + 1]!.map((cell, at) => [cell, at]));
    const ends = layers[i]!.flatMap((cell) => cell.down.map((child) => place.get(child)!).sort((a, b) => a - b));
    for (let a = 0; a < ends.length; ++a) {
      for (let b = a + 1; b < ends.length; ++b) if (ends[a]! > ends[b]!) ++total;
    }
  }
  return total;
}

function order(layers: Cell[][]): void {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; ++sweep) {
    const downwards = sweep % 2 === 0;
    const turn = downwards ? layers.slice(1) : layers.slice(0, -1).reverse();
    for (const layer of turn) {
      const place = new Map(layers.flatMap((cells) => cells.map((cell, at) => [cell, at] as const)));
      const middle = (cell: Cell) => {
        const near = downwards ? cell.up : cell.down;
        if (near.length === 0) return place.get(cell)!;
        return near.reduce((sum, one) => sum + place.get(one)!, 0) / near.length;
      };
      const keys = new Map(layer.map((cell) => [cell, middle(cell)]));
      layer.sort((a, b) => keys.get(a)! - keys.get(b)!);
    }
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  layers.forEach((layer, i) => layer.splice(0, layer.length, ...best[i]!));
}

// Moves the cells of a layer towards where they want to be, without overlaps.
function settle(layer: Cell[], wish: (cell: Cell) => number): void {
  const wishes = layer.map(wish);
  layer.forEach((cell, i) => {
    const before = layer[i - 1];
    const least = before === undefined ? -Infinity : before.x + (before.width + cell.width) / 2 + GAP_X;
    cell.x = Math.max(wishes[i]!, least);
  });
  // What was pushed right by its neighbours is spread to both sides.
  const shift = layer.reduce((sum, cell, i) => sum + wishes[i]! - cell.x, 0) / Math.max(1, layer.length);
  for (const cell of layer) cell.x += shift;
}

function placeAcross(layers: Cell[][]): void {
  for (const layer of layers) settle(layer, () => 0);
  for (let turn = 0; turn < STRAIGHTENING; ++turn) {
    const downwards = turn % 2 === 0;
    for (const layer of downwards ? layers : layers.toReversed()) {
      settle(layer, (cell) => {
        const near = downwards ? cell.up : cell.down;
        const others = near.length > 0 ? near : downwards ? cell.down : cell.up;
        return others.length === 0 ? cell.x : others.reduce((sum, one) => sum + one.x, 0) / others.length;
      });
    }
  }
}

export function layOut(nodes: Input[]): Layout {
  const layerOf = layersOf(nodes);
  const cells = new Map<string, Cell>();
  const layers: Cell[][] = [];
  const add = (cell: Cell) => {
    (layers[cell.layer] ??= []).push(cell);
    return cell;
  };
  for (const { id, height } of nodes) {
    cells.set(id, add({ id, bend: false, layer: layerOf.get(id)!, width: BOX_WIDTH, height, x: 0, up: [], down: [] }));
  }
  const routes: { from: string; to: string; cells: Cell[] }[] = [];
  for (const { id, parents } of nodes) {
    for (const parent of parents) {
      const from = cells.get(parent);
      const to = cells.get(id)!;
      if (from === undefined) continue;
      const route = [from];
      for (let layer = from.layer + 1; layer < to.layer; ++layer) {
        const bend = add({ id: "", bend: true, layer, width: BEND_WIDTH, height: 0, x: 0, up: [], down: [] });
        connect(route.at(-1)!, bend);
        route.push(bend);
      }
      connect(route.at(-1)!, to);
      routes.push({ from: parent, to: id, cells: [...route, to] });
    }
  }
  order(layers);
  placeAcross(layers);
  return draw(layers, routes);
}

function draw(layers: Cell[][], routes: { from: string; to: string; cells: Cell[] }[]): Layout {
  const all = layers.flat();
  const left = Math.min(...all.map((cell) => cell.x - cell.width / 2));
  const tops: number[] = [];
  let y = 0;
  for (const layer of layers) {
    tops.push(y);
    y += Math.max(...layer.map((cell) => cell.height)) + GAP_Y;
  }
  const boxes = all.filter((cell) => !cell.bend).map((cell) => ({
    id: cell.id, x: cell.x - cell.width / 2 - left, y: tops[cell.layer]!, width: cell.width, height: cell.height,
  }));
  const bottom = (layer: number) => (layer + 1 < tops.length ? tops[layer + 1]! : y) - GAP_Y;
  const arcs = routes.map(({ from, to, cells }) => ({
    from, to,
    points: cells.flatMap((cell, i) => {
      const x = cell.x - left;
      const top = { x, y: tops[cell.layer]! };
      if (i === 0) return [{ x, y: tops[cell.layer]! + cell.height }];
      return cell.bend ? [top, { x, y: bottom(cell.layer) }] : [top];
    }),
  }));
  return { boxes, arcs, width: Math.max(...all.map((cell) => cell.x + cell.width / 2)) - left, height: y - GAP_Y };
}

// The arc as a curve that leaves and arrives upright.
export function pathOf({ points }: Arc): string {
  const [first, ...rest] = points as [{ x: number; y: number }, ...{ x: number; y: number }[]];
  let path = `M${first.x},${first.y}`;
  let at = first;
  for (const next of rest) {
    const bend = (next.y - at.y) / 2;
    path += Math.abs(next.x - at.x) < 0.5 ? `L${next.x},${next.y}` : `C${at.x},${at.y + bend} ${next.x},${next.y - bend} ${next.x},${next.y}`;
    at = next;
  }
  return path;
}
