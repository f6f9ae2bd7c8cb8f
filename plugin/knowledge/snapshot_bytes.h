#pragma once
// The bytes that the build made of rules/knowledge (plugin/knowledge/compiler.cpp).

#include <string_view>

namespace myoflag {

std::string_view embedded_snapshot();

}  // namespace myoflag
