#pragma once
// Which of our languages a browser asks for. Source: RFC 9110 section 12.5.4, RFC 4647 section 3.4.

#include <span>
#include <string>
#include <string_view>

namespace myoflag::browser {

// The one of `offered` that the field prefers; empty: none of them. "es-MX" is served by "es".
std::string preferred_language(std::string_view field, std::span<const std::string> offered);

}  // namespace myoflag::browser
