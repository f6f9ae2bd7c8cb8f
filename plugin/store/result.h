#pragma once
// What every call to a store gives back.

#include <chrono>

#include <tl/expected.hpp>

#include "plugin/failure.h"

namespace myoflag::store {

template <typename T>
using Result = tl::expected<T, Failure>;
using Done = Result<void>;
using Time = std::chrono::sys_seconds;

}  // namespace myoflag::store
