#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "inference/wide.h"

// The loops of inference: a table multiplied by a smaller one, and summed or maximised onto a
// smaller one. Sums run in an order that depends on the shape alone.
namespace credence::forecaster {

// One dimension of the way in which a smaller table lies in a larger, row-major one: it has
// `extent` steps, each moving `stride` cells in the smaller table.
struct ViewDim {
  int64_t extent = 1;
  int64_t stride = 0;
};

// A smaller table as seen along the cells of a larger one, outermost dimension first. Dimensions
// that can be walked as one are one.
using View = std::span<const ViewDim>;

// Calls row(cell, inner) for each innermost row of the larger table: the first of its cells, and
// the cell of the smaller table that it meets.
template <typename Row>
inline void ForEachRow(View view, Row row) {
  const int dims = static_cast<int>(view.size());
  if (dims < 2) return row(int64_t{0}, int64_t{0});
  const int64_t count = view[dims - 1].extent;
  const auto [rows, row_stride] = view[dims - 2];
  constexpr int kMaxDims = 512;
  int64_t states[kMaxDims];
  const int outer = dims - 2;
  std::fill_n(states, outer, 0);
  int64_t cell = 0;
  int64_t inner = 0;
  while (true) {
    for (int64_t r = 0; r < rows; ++r) row(cell + r * count, inner + r * row_stride);
    cell += rows * count;
    int k = outer - 1;
    while (k >= 0) {
      inner += view[k].stride;
      if (++states[k] < view[k].extent) break;
      inner -= view[k].stride * view[k].extent;
      states[k] = 0;
      --k;
    }
    if (k < 0) return;
  }
}

// Calls body(i, j) for each cell i of the larger table and its cell j of the smaller. Where a row's
// length or its step are known here, its loop is unrolled.
template <int kCount, int kStride, typename Body>
inline void ForEachCellBy(View view, Body body) {
  const int64_t count = kCount > 0 ? kCount : view.back().extent;
  const int64_t stride = kStride >= 0 ? kStride : view.back().stride;
  ForEachRow(view, [=](int64_t cell, int64_t inner) {
    for (int64_t i = 0; i < count; ++i) body(cell + i, inner + i * stride);
  });
}

template <int kStride, typename Body>
inline void ForEachCellBy(View view, Body body) {
  switch (view.back().extent) {
    case 2:
      return ForEachCellBy<2, kStride>(view, body);
    case 3:
      return ForEachCellBy<3, kStride>(view, body);
    case 4:
      return ForEachCellBy<4, kStride>(view, body);
    default:
      return ForEachCellBy<0, kStride>(view, body);
  }
}

template <typename Body>
inline void ForEachCell(View view, Body body) {
  if (view.empty()) return body(int64_t{0}, int64_t{0});
  switch (view.back().stride) {
    case 0:
      return ForEachCellBy<0>(view, body);
    case 1:
      return ForEachCellBy<1>(view, body);
    default:
      return ForEachCellBy<-1>(view, body);
  }
}

// table[cell] = values[inner].
template <typename Real, typename Value>
void AssignView(Real* __restrict table, const Value* __restrict values, View view) {
  ForEachCell(view, [=](int64_t i, int64_t j) { table[i] = As<Real>(values[j]); });
}

// table[cell] *= values[inner].
template <typename Real, typename Value>
void MultiplyView(Real* __restrict table, const Value* __restrict values, View view) {
  ForEachCell(view, [=](int64_t i, int64_t j) { table[i] = Multiplied(table[i], values[j]); });
}

// table[cell] = start[cell] * values[inner].
template <typename Real, typename Value>
void MultiplyViewFrom(Real* __restrict table, const Real* __restrict start,
                      const Value* __restrict values, View view) {
  ForEachCell(view, [=](int64_t i, int64_t j) { table[i] = Multiplied(start[i], values[j]); });
}

// Sum of consecutive cells: four interleaved partial sums, then the rest.
template <typename Real>
[[nodiscard]] inline Real SumRun(const Real* values, int64_t count) {
  if (count < 8) {
    Real sum = values[0];
    for (int64_t i = 1; i < count; ++i) sum += values[i];
    return sum;
  }
  Real lanes[4] = {values[0], values[1], values[2], values[3]};
  int64_t i = 4;
  for (; i + 4 <= count; i += 4) {
    for (int k = 0; k < 4; ++k) lanes[k] += values[i + k];
  }
  Real sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  for (; i < count; ++i) sum += values[i];
  return sum;
}

// sums[inner] += the run of cells that all belong to it.
template <int kCount, typename Real>
void AddRunsOnto(Real* __restrict sums, const Real* __restrict table, View view) {
  const int64_t count = kCount > 0 ? kCount : view.back().extent;
  ForEachRow(view,
             [=](int64_t cell, int64_t inner) { sums[inner] += SumRun(table + cell, count); });
}

// sums[inner] += table[cell].
template <typename Real>
void AddOnto(Real* __restrict sums, const Real* __restrict table, View view) {
  if (view.empty() || view.back().stride != 0) {
    return ForEachCell(view, [=](int64_t i, int64_t j) { sums[j] += table[i]; });
  }
  switch (view.back().extent) {
    case 2:
      return AddRunsOnto<2>(sums, table, view);
    case 3:
      return AddRunsOnto<3>(sums, table, view);
    case 4:
      return AddRunsOnto<4>(sums, table, view);
    default:
      return AddRunsOnto<0>(sums, table, view);
  }
}

// out[g * extent + i] = the sum over the rows r of group g of factors[r] * table[r * extent + i];
// `order` lists the rows of each group in turn. Returns whether `out` became another.
template <int kChunk, typename Real>
bool AddScaledRows(const Real* __restrict table, const Real* __restrict factors,
                   const int32_t* __restrict order, int64_t groups, int64_t rows, int64_t extent,
                   Real* __restrict out) {
  bool changed = false;
  for (int64_t g = 0; g < groups; ++g) {
    Real sums[kChunk];
    for (int i = 0; i < kChunk; ++i) sums[i] = table[order[0] * extent + i] * factors[order[0]];
    for (int64_t j = 1; j < rows; ++j) {
      const int64_t row = order[j];
      for (int i = 0; i < kChunk; ++i) sums[i] += table[row * extent + i] * factors[row];
    }
    order += rows;
    for (int i = 0; i < kChunk; ++i) {
      changed = changed || out[g * extent + i] < sums[i] || sums[i] < out[g * extent + i];
      out[g * extent + i] = sums[i];
    }
  }
  return changed;
}

template <typename Real>
bool AddScaledRows(const Real* table, const Real* factors, const int32_t* order, int64_t groups,
                   int64_t rows, int64_t extent, Real* out) {
  bool changed = false;
  int64_t begin = 0;
  for (; begin + 4 <= extent; begin += 4) {
    changed |= AddScaledRows<4>(table + begin, factors, order, groups, rows, extent, out + begin);
  }
  switch (extent - begin) {
    case 1:
      changed |= AddScaledRows<1>(table + begin, factors, order, groups, rows, extent, out + begin);
      break;
    case 2:
      changed |= AddScaledRows<2>(table + begin, factors, order, groups, rows, extent, out + begin);
      break;
    case 3:
      changed |= AddScaledRows<3>(table + begin, factors, order, groups, rows, extent, out + begin);
      break;
    default:
      break;
  }
  return changed;
}

// sums[row] = the sum of that row of `width` cells.
template <typename Real>
void SumRows(const Real* table, int64_t rows, int64_t width, Real* sums) {
  for (int64_t r = 0; r < rows; ++r) sums[r] = SumRun(table + r * width, width);
}

// out = table with each row of `width` cells multiplied by its factor. The two may be the same.
template <typename Real>
void ScaleRows(const Real* table, const Real* factors, int64_t rows, int64_t width, Real* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const Real factor = factors[r];
    for (int64_t i = 0; i < width; ++i) out[r * width + i] = table[r * width + i] * factor;
  }
}

}  // namespace credence::forecaster
