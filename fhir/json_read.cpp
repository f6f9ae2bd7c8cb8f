#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fhir/json.h"
#include "fhir/text.h"

namespace myoflag::fhir {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) {
    return static_cast<unsigned>(c - '0');
  }
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<unsigned>(lower - 'a') + 10;
  }
  return std::nullopt;
}

void append_utf8(std::string& out, unsigned code_point) {
  const auto put = [&out](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

// FHIR strings hold no control characters but tab, line feed and carriage return, however they are
// written.
bool is_allowed_control(unsigned code_point) {
  return code_point == '\t' || code_point == '\n' || code_point == '\r';
}

// One pass, one explicit stack. After a failure `failure_` is set and every step returns at once.
class Reader {
 public:
  Reader(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  Result<Json> read() {
    if (!read_root()) {
      return tl::unexpected(std::move(failure_));
    }
    return std::move(root_);
  }

 private:
  // An open array or object. Only the innermost one grows, so that pointers to the outer ones stay
  // valid.
  struct Frame {
    Json* container;
    std::set<std::string, std::less<>> names;  // filled only once the object is large
  };

  bool fail(std::size_t offset, std::string_view code, std::string what) {
    failure_ = error_at(text_, offset, code, std::move(what));
    return false;
  }

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }

  void skip_space() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) {
      ++at_;
    }
  }

  bool fail_end() { return fail(text_.size(), "MF-1006", "The JSON text ends too early."); }

  bool fail_unexpected(std::string_view expected) {
    if (at_end()) {
      return fail_end();
    }
    return fail(at_, "MF-1005", fmt::format("Unexpected character: {} was expected.", expected));
  }

  bool read_root() {
    skip_space();
    if (at_end()) {
      return fail(at_, "MF-1004", "The text is empty where a JSON value was expected.");
    }
    if (!read_value(root_)) {
      return false;
    }
    while (!stack_.empty()) {
      if (!read_next_in_container()) {
        return false;
      }
    }
    skip_space();
    return at_end() || fail(at_, "MF-1014", "There is more text after the end of the JSON value.");
  }

  // Reads a scalar whole; of an array or object only the opening bracket, the rest comes from the
  // main loop.
  bool read_value(Json& target) {
    if (++nodes_ > limits_.nodes) {
      return fail(at_, "MF-1009",
                  fmt::format("The JSON text holds more than {} values.", limits_.nodes));
    }
    if (at_end()) {
      return fail_end();
    }
    switch (peek()) {
      case '{':
        target = Json(Json::Object{});
        return open(target);
      case '[':
        target = Json(Json::Array{});
        return open(target);
      case '"': {
        std::string value;
        if (!read_string(value)) {
          return false;
        }
        target = Json(std::move(value));
        return true;
      }
      default:
        return read_word(target);
    }
  }

  bool open(Json& container) {
    if (stack_.size() >= static_cast<std::size_t>(std::max(limits_.depth, 0))) {
      return fail(at_, "MF-1007",
                  fmt::format("The JSON text is nested deeper than {} levels.", limits_.depth));
    }
    ++at_;
    stack_.push_back({&container, {}});
    return true;
  }

  bool close_if(char bracket) {
    if (at_end() || peek() != bracket) {
      return false;
    }
    ++at_;
    stack_.pop_back();
    return true;
  }

  bool comma(std::string_view expected) {
    if (at_end() || peek() != ',') {
      return fail_unexpected(expected);
    }
    ++at_;
    skip_space();
    return true;
  }

  bool read_next_in_container() {
    skip_space();
    auto& frame = stack_.back();
    if (auto* array = frame.container->as_array()) {
      return read_next_element(*array);
    }
    return read_next_member(frame, *frame.container->as_object());
  }

  bool read_next_element(Json::Array& array) {
    if (close_if(']')) {
      return true;
    }
    if (!array.empty() && !comma("a comma or the end of the array")) {
      return false;
    }
    array.emplace_back();
    return read_value(array.back());
  }

  bool read_next_member(Frame& frame, Json::Object& object) {
    if (close_if('}')) {
      return true;
    }
    if (!object.empty() && !comma("a comma or the end of the object")) {
      return false;
    }
    if (at_end() || peek() != '"') {
      return fail_unexpected("a member name in double quotes");
    }
    const auto name_at = at_;
    std::string name;
    if (!read_string(name)) {
      return false;
    }
    if (is_taken(frame, object, name)) {
      return fail(name_at, "MF-1008", "A member name occurs twice in the same object.");
    }
    skip_space();
    if (at_end() || peek() != ':') {
      return fail_unexpected("a colon");
    }
    ++at_;
    skip_space();
    object.push_back({std::move(name), Json()});
    return read_value(object.back().value);
  }

  // Small objects are searched one by one; large ones get an index, or hostile input would cost
  // quadratic time.
  static bool is_taken(Frame& frame, const Json::Object& object, const std::string& name) {
    constexpr std::size_t small = 32;
    if (object.size() < small) {
      return std::any_of(object.begin(), object.end(),
                         [&name](const Json::Member& member) { return member.name == name; });
    }
    if (object.size() == small) {
      for (const auto& member : object) {
        frame.names.insert(member.name);
      }
    }
    return !frame.names.insert(name).second;
  }

  bool read_string(std::string& out) {
    const auto start = at_++;
    for (;;) {
      const auto run = at_;
      while (!at_end() && peek() != '"' && peek() != '\\' &&
             static_cast<unsigned char>(peek()) >= 0x20) {
        ++at_;
      }
      out.append(text_, run, at_ - run);
      if (out.size() > limits_.string_bytes) {
        return fail(start, "MF-1010",
                    fmt::format("A string is longer than {} bytes.", limits_.string_bytes));
      }
      if (at_end()) {
        return fail_end();
      }
      if (peek() == '"') {
        ++at_;
        return true;
      }
      if (peek() != '\\') {
        return fail(at_, "MF-1011", "A string holds a control character.");
      }
      if (!read_escape(out)) {
        return false;
      }
    }
  }

  bool read_escape(std::string& out) {
    const auto start = at_++;
    if (at_end()) {
      return fail_end();
    }
    const char kind = text_[at_++];
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        out.push_back(kind);
        return true;
      case 'n':
        out.push_back('\n');
        return true;
      case 'r':
        out.push_back('\r');
        return true;
      case 't':
        out.push_back('\t');
        return true;
      case 'b':
      case 'f':
        return fail(start, "MF-1011", "A string holds a control character.");
      case 'u':
        return read_unicode_escape(start, out);
      default:
        return fail(start, "MF-1015", "A string holds an escape that JSON does not know.");
    }
  }

  bool read_hex(std::size_t start, unsigned& value) {
    value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_end()) {
        return fail_end();
      }
      const auto digit = hex_digit(peek());
      if (!digit) {
        return fail(start, "MF-1015", "A \\u escape needs four hexadecimal digits.");
      }
      value = value * 16 + *digit;
    }
    return true;
  }

  bool read_unicode_escape(std::size_t start, std::string& out) {
    unsigned value = 0;
    if (!read_hex(start, value)) {
      return false;
    }
    if (value >= 0xDC00 && value <= 0xDFFF) {
      return fail(start, "MF-1012", "A string holds half of a surrogate pair.");
    }
    if (value >= 0xD800 && value <= 0xDBFF) {
      if (!read_low_surrogate(start, value)) {
        return false;
      }
    }
    if (value < 0x20 && !is_allowed_control(value)) {
      return fail(start, "MF-1011", "A string holds a control character.");
    }
    append_utf8(out, value);
    return true;
  }

  bool read_low_surrogate(std::size_t start, unsigned& value) {
    unsigned low = 0;
    if (text_.substr(at_, 2) != "\\u") {
      return fail(start, "MF-1012", "A string holds half of a surrogate pair.");
    }
    at_ += 2;
    if (!read_hex(start, low)) {
      return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
      return fail(start, "MF-1012", "A string holds half of a surrogate pair.");
    }
    value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
    return true;
  }

  bool read_word(Json& target) {
    const auto start = at_;
    while (!at_end() && is_word(peek())) {
      ++at_;
    }
    const auto word = text_.substr(start, at_ - start);
    if (word.empty()) {
      return fail_unexpected("a value");
    }
    if (word == "true" || word == "false") {
      target = Json(word == "true");
    } else if (word == "null") {
      target = Json();
    } else if (is_json_number(word)) {
      if (word.size() > limits_.string_bytes) {
        return fail(start, "MF-1010",
                    fmt::format("A number is longer than {} bytes.", limits_.string_bytes));
      }
      target = Json(Json::Number{std::string(word)});
    } else {
      return fail_word(start, word);
    }
    return true;
  }

  bool fail_word(std::size_t start, std::string_view word) {
    const auto bare = word.substr(
        word.find_first_not_of("+-") == std::string_view::npos ? 0 : word.find_first_not_of("+-"));
    if (bare == "NaN" || bare == "nan" || bare == "Infinity" || bare == "inf") {
      return fail(start, "MF-1013", "JSON has no NaN and no Infinity.");
    }
    if (at_end() && std::string_view("truefalsenull").find(word) != std::string_view::npos) {
      return fail_end();
    }
    if (is_digit(bare.empty() ? word.front() : bare.front()) || bare.front() == '.') {
      return fail(start, "MF-1013", "A number is not written as JSON demands.");
    }
    return fail(start, "MF-1005", "Unexpected word: a value was expected.");
  }

  std::string_view text_;
  Limits limits_;
  std::size_t at_ = 0;
  std::size_t nodes_ = 0;
  Json root_;
  std::vector<Frame> stack_;
  Error failure_;
};

std::optional<Error> refuse_encoding(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    return error_at(text, 0, "MF-1003",
                    "The text starts with a byte order mark, which JSON does not allow.");
  }
  // JSON starts with two characters of ASCII, or is one digit: a zero byte is half of one.
  const bool wide = text.substr(0, 2).find('\0') != std::string_view::npos && text.size() > 1;
  if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE") || wide) {
    return error_at(text, 0, "MF-1003", "The text is UTF-16 or UTF-32; FHIR JSON is UTF-8.");
  }
  if (const auto bad = first_bad_utf8(text); bad < text.size()) {
    return error_at(text, bad, "MF-1002", "The text is not valid UTF-8.");
  }
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return error_at(text, nul, "MF-1016", "The text holds a NUL byte.");
  }
  return std::nullopt;
}

}  // namespace

bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&text, &at] {
    const auto start = at;
    while (at < text.size() && is_digit(text[at])) {
      ++at;
    }
    return at - start;
  };
  const auto skip = [&text, &at](std::string_view any_of) {
    const bool found = at < text.size() && any_of.find(text[at]) != std::string_view::npos;
    at += found ? 1 : 0;
    return found;
  };
  skip("-");
  const bool zero = at < text.size() && text[at] == '0';
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) {
    return false;
  }
  if (skip(".") && digits() == 0) {
    return false;
  }
  if (skip("eE")) {
    skip("+-");
    if (digits() == 0) {
      return false;
    }
  }
  return at == text.size();
}

Result<Json> read_json(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) {
    Error error;
    error.code = "MF-1001";
    error.text = fmt::format("The text is larger than {} bytes.", limits.bytes);
    return tl::unexpected(std::move(error));
  }
  if (auto error = refuse_encoding(text)) {
    return tl::unexpected(*std::move(error));
  }
  return Reader(text, limits).read();
}

}  // namespace myoflag::fhir
