#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "credence/forecaster/network.h"

// Networks drawn to the shape of the large public ones, which are not kept here: as many nodes,
// states and parents, and cliques about as large.
namespace credence::bench {

struct Shape {
  std::string name;
  std::vector<int> states;
  // Of each node, all of them before it.
  std::vector<std::vector<int>> parents;
};

// side x side nodes of two states, each with the one above it and the one on its left as parents.
[[nodiscard]] Shape Grid(int side);

// `slices` copies of `width` nodes. Each node has some parents in its own slice, and the first
// `carried` of them have themselves and others in the slice before.
struct SlicesOptions {
  int slices = 1;
  int width = 1;
  int carried = 1;
  int parents_within = 1;
  int parents_before = 1;
  std::vector<int> states;  // Of the nodes of a slice, taken in turn.
};
[[nodiscard]] Shape Slices(const SlicesOptions& options, uint32_t seed);

// Each node has up to `parents` parents among the `window` before it.
struct WindowOptions {
  int nodes = 1;
  int parents = 1;
  int window = 1;
  std::vector<int> states;  // Drawn from these.
};
[[nodiscard]] Shape Windowed(const WindowOptions& options, uint32_t seed);

// `blocks` windowed networks, some nodes of each also hanging on nodes of the one before.
[[nodiscard]] Shape Blocks(int blocks, int links, const WindowOptions& block, uint32_t seed);

// People, each after the founders a child of two before them not far away; one node of `states`
// states at each of `loci` places of the chromosome, which hangs on the parents' nodes at the place
// and, from the second on, on the person's own at the place before.
struct PedigreeOptions {
  int founders = 1;
  int people = 1;
  int loci = 1;
  int states = 2;
  int window = 1;
};
[[nodiscard]] Shape Pedigree(const PedigreeOptions& options, uint32_t seed);

// One of each kind, the smaller first.
[[nodiscard]] std::vector<Shape> LargeShapes();

// The shape with random rows, a share of whose entries is 0.
[[nodiscard]] forecaster::Network NetworkOf(const Shape& shape, double zeros, uint32_t seed);

}  // namespace credence::bench
