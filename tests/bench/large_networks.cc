#include "large_networks.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace credence::bench {
namespace {

void AddParent(std::vector<int>& parents, int parent) {
  const bool has = std::find(parents.begin(), parents.end(), parent) != parents.end();
  if (!has) parents.push_back(parent);
}

int Below(std::mt19937& random, int limit) {
  return static_cast<int>(random() % static_cast<uint32_t>(limit));
}

int TakenInTurn(const std::vector<int>& values, int i) {
  return values[static_cast<size_t>(i) % values.size()];
}

}  // namespace

Shape Grid(int side) {
  Shape shape;
  shape.name = absl::StrCat("grid of ", side);
  for (int i = 0; i < side * side; ++i) {
    shape.states.push_back(2);
    std::vector<int>& own = shape.parents.emplace_back();
    if (i >= side) own.push_back(i - side);
    if (i % side > 0) own.push_back(i - 1);
  }
  return shape;
}

Shape Slices(const SlicesOptions& options, uint32_t seed) {
  std::mt19937 random(seed);
  // The same arcs in every slice.
  std::vector<std::vector<int>> within;
  std::vector<std::vector<int>> before;
  for (int i = 0; i < options.width; ++i) {
    within.emplace_back();
    for (int k = 0; k < options.parents_within && i > 0; ++k) {
      AddParent(within.back(), std::max(0, i - 1 - Below(random, 4)));
    }
    before.emplace_back();
    if (i >= options.carried) continue;
    before.back().push_back(i);
    for (int k = 1; k < options.parents_before; ++k) {
      AddParent(before.back(), std::clamp(i - 2 + Below(random, 5), 0, options.width - 1));
    }
  }
  Shape shape;
  for (int slice = 0; slice < options.slices; ++slice) {
    const int base = slice * options.width;
    for (int i = 0; i < options.width; ++i) {
      shape.states.push_back(TakenInTurn(options.states, i));
      std::vector<int>& own = shape.parents.emplace_back();
      for (const int parent : within[static_cast<size_t>(i)]) own.push_back(base + parent);
      for (const int parent : before[static_cast<size_t>(i)]) {
        if (slice > 0) own.push_back(base - options.width + parent);
      }
    }
  }
  return shape;
}

Shape Blocks(int blocks, int links, const WindowOptions& block, uint32_t seed) {
  std::mt19937 random(seed);
  Shape shape;
  for (int b = 0; b < blocks; ++b) {
    const int base = b * block.nodes;
    for (int i = 0; i < block.nodes; ++i) {
      shape.states.push_back(TakenInTurn(block.states, Below(random, 1 << 16)));
      std::vector<int>& own = shape.parents.emplace_back();
      const int count = i == 0 ? 0 : 1 + Below(random, block.parents);
      for (int k = 0; k < count; ++k) {
        AddParent(own, base + std::max(0, i - 1 - Below(random, block.window)));
      }
    }
    for (int k = 0; k < links && b > 0; ++k) {
      std::vector<int>& own = shape.parents[static_cast<size_t>(base + Below(random, block.nodes))];
      const bool room = static_cast<int>(own.size()) < block.parents;
      if (room) AddParent(own, base - block.nodes + Below(random, block.nodes));
    }
  }
  return shape;
}

Shape Windowed(const WindowOptions& options, uint32_t seed) { return Blocks(1, 0, options, seed); }

Shape Pedigree(const PedigreeOptions& options, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::pair<int, int>> parents_of;
  for (int p = 0; p < options.people; ++p) {
    if (p < options.founders) {
      parents_of.emplace_back(-1, -1);
      continue;
    }
    const int first = std::max(0, p - 1 - Below(random, options.window));
    int second = first;
    while (second == first) second = std::max(0, p - 1 - Below(random, options.window + 2));
    parents_of.emplace_back(first, second);
  }
  Shape shape;
  for (int p = 0; p < options.people; ++p) {
    for (int l = 0; l < options.loci; ++l) {
      shape.states.push_back(options.states);
      std::vector<int>& own = shape.parents.emplace_back();
      const auto [first, second] = parents_of[static_cast<size_t>(p)];
      if (first < 0) continue;
      own.push_back(first * options.loci + l);
      own.push_back(second * options.loci + l);
      if (l > 0) own.push_back(p * options.loci + l - 1);
    }
  }
  return shape;
}

std::vector<Shape> LargeShapes() {
  std::vector<Shape> shapes;
  const auto add = [&](std::string name, Shape shape) {
    shape.name = std::move(name);
    shapes.push_back(std::move(shape));
  };
  add("76 nodes like win95pts",
      Windowed({.nodes = 76, .parents = 4, .window = 12, .states = {2}}, 1));
  add("109 nodes like pathfinder",
      Windowed({.nodes = 109, .parents = 2, .window = 3, .states = {2, 3, 4, 8, 63}}, 2));
  add("223 nodes like andes",
      Windowed({.nodes = 223, .parents = 3, .window = 10, .states = {2}}, 3));
  add("441 nodes like pigs",
      Pedigree({.founders = 90, .people = 441, .loci = 1, .states = 3, .window = 8}, 4));
  add("413 nodes like diabetes", Slices({.slices = 24,
                                         .width = 17,
                                         .carried = 4,
                                         .parents_within = 2,
                                         .parents_before = 1,
                                         .states = {3, 5, 11, 4, 13, 3, 8, 21}},
                                        5));
  add("1,041 nodes like munin",
      Blocks(20, 2, {.nodes = 52, .parents = 3, .window = 6, .states = {2, 3, 4, 5, 7, 9, 15, 21}},
             6));
  add("32 nodes like water", Slices({.slices = 4,
                                     .width = 8,
                                     .carried = 8,
                                     .parents_within = 0,
                                     .parents_before = 4,
                                     .states = {3, 4, 4, 3, 4, 3, 4, 4}},
                                    7));
  add("48 nodes like barley",
      Windowed({.nodes = 48, .parents = 3, .window = 6, .states = {2, 5, 8, 9, 11, 24, 36}}, 8));
  add("724 nodes like link",
      Pedigree({.founders = 120, .people = 362, .loci = 2, .states = 3, .window = 5}, 9));
  add("186 nodes like munin1",
      Windowed({.nodes = 186, .parents = 3, .window = 9, .states = {3, 4, 5, 6, 7, 8}}, 10));
  add("grid of 18", Grid(18));
  add("grid of 20", Grid(20));
  return shapes;
}

forecaster::Network NetworkOf(const Shape& shape, double zeros, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(.02, 1.0);
  std::bernoulli_distribution is_zero(zeros);
  forecaster::Network network;
  network.name = shape.name;
  network.open_time = absl::UnixEpoch();
  network.deadline = absl::UnixEpoch() + absl::Hours(24 * 365);
  for (size_t i = 0; i < shape.states.size(); ++i) {
    forecaster::Node& node = network.nodes.emplace_back();
    node.name = absl::StrCat("n", i);
    for (int s = 0; s < shape.states[i]; ++s) node.states.push_back(absl::StrCat("s", s));
    size_t rows = 1;
    for (const int parent : shape.parents[i]) {
      node.parents.push_back(absl::StrCat("n", parent));
      rows *= static_cast<size_t>(shape.states[static_cast<size_t>(parent)]);
    }
    forecaster::RowTable table;
    for (size_t row = 0; row < rows; ++row) {
      std::vector<double> values(node.states.size());
      double sum = 0.0;
      for (double& value : values) sum += value = is_zero(random) ? 0.0 : uniform(random);
      if (!(sum > 0.0)) sum = values[row % values.size()] = 1.0;
      for (double& value : values) value /= sum;
      table.rows.emplace_back(forecaster::FixedRow{std::move(values)});
    }
    node.table = std::move(table);
  }
  return network;
}

}  // namespace credence::bench
