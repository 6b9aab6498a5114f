#pragma once

// Container sizes as signed numbers, so that indices, counts and differences share one type.
namespace credence::forecaster {

template <typename Container>
[[nodiscard]] constexpr int Size(const Container& container) {
  return static_cast<int>(container.size());
}

}  // namespace credence::forecaster
