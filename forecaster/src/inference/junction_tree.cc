#include "inference/junction_tree.h"

#include <algorithm>
#include <utility>

#include "credence/base/check.h"
#include "inference/factor.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// What one more clique costs beside its cells, in cells.
constexpr double kCellsPerClique = 32.0;

// The cliques before they are rooted, as sets of variables, rising.
struct Cluster {
  std::vector<int> variables;
  int parent = -1;
  double cells = 0.0;
  // The cluster that took this one in, else itself.
  int joined_to = -1;
  std::vector<int> neighbours;
};

class TreeBuilder {
 public:
  TreeBuilder(const EliminationOrder& order, const Scopes& scopes, std::span<const int> cardinality)
      : order_(order), scopes_(scopes), cardinality_(cardinality) {
    position_.assign(cardinality.size(), -1);
    for (int i = 0; i < Size(order.variables); ++i) position_[order.variables[i]] = i;
  }

  JunctionTree Run(int marginal_count) {
    FindParents();
    MakeClusters();
    JoinSmallClusters();
    LinkNeighbours();
    for (int c = 0; c < Size(clusters_); ++c) {
      const bool is_root = clusters_[c].joined_to == c && clusters_[c].parent < 0;
      if (is_root) roots_.push_back(Middle(c));
    }
    Assemble();
    AssignFactors();
    ChooseMarginalSources(marginal_count);
    return std::move(tree_);
  }

 private:
  // The step whose clique holds the neighbours that remain: that of the one eliminated first.
  void FindParents() {
    step_parent_.assign(order_.variables.size(), -1);
    for (int i = 0; i < Size(step_parent_); ++i) {
      for (const int neighbour : order_.neighbours[i]) {
        const int at = position_[neighbour];
        if (step_parent_[i] < 0 || at < step_parent_[i]) step_parent_[i] = at;
      }
    }
  }

  // A step whose clique is all of what a child step leaves to it is no maximal clique; it belongs
  // to the child's cluster.
  void MakeClusters() {
    const int steps = Size(step_parent_);
    std::vector<int> first_step(steps);
    for (int i = 0; i < steps; ++i) first_step[i] = i;
    for (int i = 0; i < steps; ++i) {
      const int parent = step_parent_[i];
      if (parent < 0 || first_step[parent] != parent) continue;
      if (order_.neighbours[i].size() == order_.neighbours[parent].size() + 1) {
        first_step[parent] = first_step[i];
      }
    }
    cluster_of_step_.assign(steps, -1);
    std::vector<int> last_step;
    for (int i = 0; i < steps; ++i) {
      if (first_step[i] == i) {
        cluster_of_step_[i] = Size(clusters_);
        AddCluster(i);
        last_step.push_back(i);
      } else {
        cluster_of_step_[i] = cluster_of_step_[first_step[i]];
        last_step[cluster_of_step_[i]] = i;
      }
    }
    for (int c = 0; c < Size(clusters_); ++c) {
      const int parent = step_parent_[last_step[c]];
      clusters_[c].parent = parent < 0 ? -1 : cluster_of_step_[parent];
      last_step_.push_back(last_step[c]);
    }
  }

  void AddCluster(int step) {
    Cluster& cluster = clusters_.emplace_back();
    const std::span<const int> neighbours = order_.neighbours[step];
    cluster.variables.reserve(neighbours.size() + 1);
    cluster.variables.assign(neighbours.begin(), neighbours.end());
    const int own = order_.variables[step];
    cluster.variables.insert(
        std::lower_bound(cluster.variables.begin(), cluster.variables.end(), own), own);
    cluster.cells = CellCount(cluster.variables, cardinality_);
    cluster.joined_to = Size(clusters_) - 1;
  }

  int Find(int cluster) {
    while (clusters_[cluster].joined_to != cluster) cluster = clusters_[cluster].joined_to;
    return cluster;
  }

  // Walking a table has a cost of its own, so a few cells more may be cheaper than a clique more.
  void JoinSmallClusters() {
    std::vector<int> by_last_step(clusters_.size());
    for (int c = 0; c < Size(by_last_step); ++c) by_last_step[c] = c;
    std::sort(by_last_step.begin(), by_last_step.end(),
              [&](int a, int b) { return last_step_[a] < last_step_[b]; });
    for (const int c : by_last_step) {
      if (clusters_[c].parent < 0) continue;
      const int parent = Find(clusters_[c].parent);
      double joint = clusters_[parent].cells;
      for (const int variable : clusters_[c].variables) {
        if (!Has(parent, variable)) joint *= cardinality_[variable];
      }
      if (joint > clusters_[parent].cells + clusters_[c].cells + kCellsPerClique) continue;
      std::vector<int> all;
      std::set_union(clusters_[parent].variables.begin(), clusters_[parent].variables.end(),
                     clusters_[c].variables.begin(), clusters_[c].variables.end(),
                     std::back_inserter(all));
      clusters_[parent].variables = std::move(all);
      clusters_[parent].cells = joint;
      clusters_[c].joined_to = parent;
    }
  }

  [[nodiscard]] bool Has(int cluster, int variable) const {
    const std::vector<int>& variables = clusters_[cluster].variables;
    return std::binary_search(variables.begin(), variables.end(), variable);
  }

  void LinkNeighbours() {
    for (int c = 0; c < Size(clusters_); ++c) {
      if (clusters_[c].joined_to != c || clusters_[c].parent < 0) continue;
      const int parent = Find(clusters_[c].parent);
      clusters_[c].neighbours.push_back(parent);
      clusters_[parent].neighbours.push_back(c);
    }
  }

  // Clusters of a component from `start` on, each after the one it was reached from.
  void Walk(int start, std::vector<int>& reached, std::vector<int>& from) {
    reached.assign(1, start);
    from.assign(1, -1);
    for (int i = 0; i < Size(reached); ++i) {
      const int came_from = from[i] < 0 ? -1 : reached[from[i]];
      for (const int next : clusters_[reached[i]].neighbours) {
        if (next == came_from) continue;
        reached.push_back(next);
        from.push_back(i);
      }
    }
  }

  // The cluster to which the cliques are nearest on average, the way to it weighed by what is
  // walked on it: what one change must pass through is then short.
  int Middle(int start) {
    std::vector<int> reached;
    std::vector<int> from;
    Walk(start, reached, from);
    std::vector<double> below(reached.size(), 1.0);
    for (int i = Size(reached) - 1; i > 0; --i) below[from[i]] += below[i];
    const auto weight = [&](int i) { return clusters_[reached[i]].cells + kCellsPerClique; };
    const auto all = static_cast<double>(reached.size());
    // What all ways cost together, beside those to `start`. Over an edge those beyond lose a
    // cluster, and all others gain one.
    std::vector<double> cost(reached.size(), 0.0);
    int best = 0;
    for (int i = 1; i < Size(reached); ++i) {
      cost[i] = cost[from[i]] - weight(from[i]) * below[i] + weight(i) * (all - below[i]);
      if (cost[i] < cost[best]) best = i;
    }
    return reached[best];
  }

  void Assemble() {
    // Breadth first from the roots, then turned round, puts children before parents.
    std::vector<int> walked;
    std::vector<int> walked_from;
    std::vector<int> reached;
    std::vector<int> from;
    for (const int root : roots_) {
      Walk(root, reached, from);
      const int base = Size(walked);
      walked.insert(walked.end(), reached.begin(), reached.end());
      for (const int f : from) walked_from.push_back(f < 0 ? -1 : base + f);
    }
    const int count = Size(walked);
    tree_.parent.resize(count);
    tree_.separator_size.assign(count, 0);
    tree_.home.assign(cardinality_.size(), -1);
    clique_of_cluster_.assign(clusters_.size(), -1);
    std::vector<std::vector<int>> ordered(count);
    for (int w = 0; w < count; ++w) {
      const int clique = count - 1 - w;
      clique_of_cluster_[walked[w]] = clique;
      tree_.parent[clique] = walked_from[w] < 0 ? -1 : count - 1 - walked_from[w];
      OrderVariables(walked[w], clique, ordered);
    }
    std::vector<int> place(cardinality_.size(), -1);
    for (int c = 0; c < count; ++c) {
      if (tree_.parent[c] >= 0) {
        const std::vector<int>& above = ordered[tree_.parent[c]];
        for (int i = 0; i < Size(above); ++i) place[above[i]] = i;
      }
      for (int i = 0; i < Size(ordered[c]); ++i) {
        tree_.place_in_parent.push_back(i < tree_.separator_size[c] ? place[ordered[c][i]] : -1);
      }
      tree_.cliques.Add(ordered[c]);
    }
    ListChildren();
  }

  // What is shared with the parent in its order, then the rest, the most states last.
  void OrderVariables(int cluster, int clique, std::vector<std::vector<int>>& ordered) {
    std::vector<int>& order = ordered[clique];
    const int parent = tree_.parent[clique];
    if (parent >= 0) {
      for (const int variable : ordered[parent]) {
        if (Has(cluster, variable)) order.push_back(variable);
      }
    }
    tree_.separator_size[clique] = Size(order);
    for (const int variable : clusters_[cluster].variables) {
      if (tree_.home[variable] >= 0) continue;
      tree_.home[variable] = clique;
      order.push_back(variable);
    }
    std::stable_sort(order.begin() + tree_.separator_size[clique], order.end(),
                     [&](int a, int b) { return cardinality_[a] < cardinality_[b]; });
  }

  void ListChildren() {
    std::vector<std::vector<int>> lists(tree_.parent.size());
    for (int c = 0; c < tree_.size(); ++c) {
      if (tree_.parent[c] >= 0) lists[tree_.parent[c]].push_back(c);
    }
    for (const std::vector<int>& list : lists) tree_.children.Add(list);
  }

  [[nodiscard]] double Cells(int clique) const {
    return CellCount(tree_.cliques[clique], cardinality_);
  }

  [[nodiscard]] bool Holds(int clique, std::span<const int> scope) const {
    const std::span<const int> variables = tree_.cliques[clique];
    return std::all_of(scope.begin(), scope.end(), [&](int v) {
      return std::find(variables.begin(), variables.end(), v) != variables.end();
    });
  }

  // The cliques that hold a scope hang together; each step goes to a smaller neighbour that holds
  // it. A factor is cheapest where there are the fewest cells to multiply.
  [[nodiscard]] int SmallestWith(std::span<const int> scope, int clique) const {
    constexpr double kWorthMoving = 64.0;
    int best = clique;
    double best_cells = Cells(clique);
    for (int at = -1; at != best && best_cells > kWorthMoving;) {
      at = best;
      const auto consider = [&](int other) {
        if (other < 0 || !Holds(other, scope)) return;
        const double cells = Cells(other);
        if (cells < best_cells) {
          best = other;
          best_cells = cells;
        }
      };
      consider(tree_.parent[at]);
      for (const int child : tree_.children[at]) consider(child);
    }
    return best;
  }

  void AssignFactors() {
    std::vector<std::vector<int>> lists(tree_.parent.size());
    tree_.factor_clique.assign(scopes_.size(), -1);
    tree_.factor_place.assign(scopes_.variables.size(), -1);
    for (int f = 0; f < scopes_.size(); ++f) {
      const std::span<const int> scope = scopes_[f];
      if (scope.empty()) continue;
      int first = scope[0];
      for (const int variable : scope) {
        if (position_[variable] < position_[first]) first = variable;
      }
      const int clique =
          SmallestWith(scope, clique_of_cluster_[Find(cluster_of_step_[position_[first]])]);
      tree_.factor_clique[f] = clique;
      lists[clique].push_back(f);
      const std::span<const int> variables = tree_.cliques[clique];
      for (int i = 0; i < Size(scope); ++i) {
        const auto found = std::find(variables.begin(), variables.end(), scope[i]);
        CREDENCE_CHECK(found != variables.end());
        tree_.factor_place[scopes_.begin[f] + i] = static_cast<int>(found - variables.begin());
      }
    }
    for (const std::vector<int>& list : lists) tree_.factors.Add(list);
    tree_.likelihood_clique = tree_.home;
    for (int v = 0; v < Size(tree_.home); ++v) {
      const int scope[] = {v};
      if (tree_.home[v] >= 0) tree_.likelihood_clique[v] = SmallestWith(scope, tree_.home[v]);
    }
  }

  // A variable's marginal is read where the table is smallest: a separator to a child of its home,
  // or the home itself.
  void ChooseMarginalSources(int marginal_count) {
    tree_.marginal_source.assign(marginal_count, -1);
    std::vector<double> cells_at(marginal_count, 0.0);
    for (int c = 0; c < tree_.size(); ++c) {
      if (tree_.parent[c] < 0) continue;
      const std::span<const int> shared = tree_.cliques[c].subspan(0, tree_.separator_size[c]);
      const double cells = CellCount(shared, cardinality_);
      for (const int v : shared) {
        if (v >= marginal_count || tree_.home[v] != tree_.parent[c]) continue;
        if (tree_.marginal_source[v] >= 0 && cells_at[v] <= cells) continue;
        tree_.marginal_source[v] = c;
        cells_at[v] = cells;
      }
    }
    for (int c = 0; c < tree_.size(); ++c) {
      const std::span<const int> variables = tree_.cliques[c];
      for (int i = 0; i < Size(variables); ++i) {
        const int v = variables[i];
        if (v >= marginal_count) continue;
        if (tree_.marginal_source[v] == c) tree_.separator_marginals.variables.push_back(v);
        const bool own = i >= tree_.separator_size[c] && tree_.marginal_source[v] < 0;
        if (own) tree_.own_marginals.variables.push_back(v);
      }
      tree_.own_marginals.Close();
      tree_.separator_marginals.Close();
    }
  }

  const EliminationOrder& order_;
  const Scopes& scopes_;
  std::span<const int> cardinality_;
  std::vector<int> position_;
  std::vector<int> step_parent_;
  std::vector<int> cluster_of_step_;
  std::vector<int> last_step_;
  std::vector<Cluster> clusters_;
  std::vector<int> roots_;
  std::vector<int> clique_of_cluster_;
  JunctionTree tree_;
};

}  // namespace

JunctionTree BuildJunctionTree(const EliminationOrder& order, const Scopes& scopes,
                               std::span<const int> cardinality, int marginal_count) {
  return TreeBuilder(order, scopes, cardinality).Run(marginal_count);
}

}  // namespace credence::forecaster
