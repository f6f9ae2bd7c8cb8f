#pragma once
// Sentences of text.en.yaml with {placeholders}, and the list of those this layer needs: the loader
// refuses knowledge that lacks one, so that no sentence is missing beside a patient.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace myoflag::rules {

using Fill = std::pair<std::string_view, std::string_view>;

// Replaces each {name}; a placeholder that is not given stays as it is.
std::string fill(std::string_view text, std::initializer_list<Fill> values);

// Keys that assess() uses.
std::span<const std::string_view> assessment_text_keys();

// Keys of what written results are called, for those who write them.
std::span<const std::string_view> result_text_keys();

// Keys of what is said about a record, for those who read it.
std::span<const std::string_view> record_text_keys();

}  // namespace myoflag::rules
