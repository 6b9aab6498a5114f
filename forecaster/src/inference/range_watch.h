#pragma once

#include <cfenv>
#include <type_traits>

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

namespace credence::forecaster {

// Doubles leave their range silently but for two flags of the processor. With SSE these are in a
// register of their own, which is read and set in a few cycles; the functions of the language save
// and restore the older unit's whole state beside.
template <typename Real>
class RangeWatch {
 public:
  RangeWatch() {
    if constexpr (std::is_same_v<Real, double>) Clear();
  }

  // Whether something left the range since the last call.
  bool Left() {
    if constexpr (std::is_same_v<Real, double>) {
      if (!IsSet()) return false;
      Clear();
      return true;
    } else {
      return false;
    }
  }

 private:
#ifdef __SSE2__
  static constexpr unsigned kFlags = _MM_EXCEPT_UNDERFLOW | _MM_EXCEPT_OVERFLOW;
  // Keeps the compiler from moving what is stored in memory, and thus its computation, past here.
  static void Barrier() { asm volatile("" ::: "memory"); }
  static bool IsSet() {
    Barrier();
    return (_mm_getcsr() & kFlags) != 0;
  }
  static void Clear() {
    Barrier();
    const unsigned state = _mm_getcsr();
    if ((state & kFlags) != 0) _mm_setcsr(state & ~kFlags);
  }
#else
  static bool IsSet() { return std::fetestexcept(FE_UNDERFLOW | FE_OVERFLOW) != 0; }
  static void Clear() { std::feclearexcept(FE_UNDERFLOW | FE_OVERFLOW); }
#endif
};

}  // namespace credence::forecaster
