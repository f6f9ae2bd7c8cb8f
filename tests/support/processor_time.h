#pragma once
// Time for tests that hold a bound: of the processor, for this thread. What else the machine does
// does not count, and an instrumented build may take several times as long.

#include <ctime>

namespace myoflag::timing {

inline double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

#ifdef MYOFLAG_SANITIZED
inline constexpr double kSlowness = 5;
#else
inline constexpr double kSlowness = 1;
#endif

}  // namespace myoflag::timing
