#pragma once

#include <cmath>

namespace credence::scoring {

// A running sum that carries its rounding error along (Neumaier 1974), so that adding and taking
// away a million terms leaves no trace. Terms must be finite.
class CompensatedSum {
 public:
  void Add(double term) {
    const double next = sum_ + term;
    if (std::abs(sum_) >= std::abs(term)) {
      error_ += (sum_ - next) + term;
    } else {
      error_ += (term - next) + sum_;
    }
    sum_ = next;
  }
  void Subtract(double term) { Add(-term); }
  void Reset() { *this = CompensatedSum(); }
  [[nodiscard]] double value() const { return sum_ + error_; }

 private:
  double sum_ = 0;
  double error_ = 0;
};

}  // namespace credence::scoring
