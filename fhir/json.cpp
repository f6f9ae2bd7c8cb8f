#include "fhir/json.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "fhir/text.h"

namespace myoflag::fhir {

namespace {

bool is_filled_container(const Json& value) {
  if (const auto* array = value.as_array()) {
    return !array->empty();
  }
  const auto* object = value.as_object();
  return object != nullptr && !object->empty();
}

// Moves the non-empty containers directly below `value` to `pending`, so that destroying `value`
// goes one level deep.
void detach_containers(Json& value, Json::Array& pending) {
  if (auto* array = value.as_array()) {
    for (auto& element : *array) {
      if (is_filled_container(element)) {
        pending.push_back(std::move(element));
      }
    }
  } else if (auto* object = value.as_object()) {
    for (auto& member : *object) {
      if (is_filled_container(member.value)) {
        pending.push_back(std::move(member.value));
      }
    }
  }
}

}  // namespace

Json::Json(int value) : value_(Number{fmt::to_string(value)}) {}
Json::Json(std::int64_t value) : value_(Number{fmt::to_string(value)}) {}

Json::Json(const Json& other) {
  struct Task {
    const Json* from;
    Json* to;
  };
  std::vector<Task> tasks{{&other, this}};
  while (!tasks.empty()) {
    const auto [from, to] = tasks.back();
    tasks.pop_back();
    if (const auto* array = from->as_array()) {
      auto& copy = to->value_.emplace<Array>(array->size());
      for (std::size_t i = 0; i < array->size(); ++i) {
        tasks.push_back({&(*array)[i], &copy[i]});
      }
    } else if (const auto* object = from->as_object()) {
      auto& copy = to->value_.emplace<Object>(object->size());
      for (std::size_t i = 0; i < object->size(); ++i) {
        copy[i].name = (*object)[i].name;
        tasks.push_back({&(*object)[i].value, &copy[i].value});
      }
    } else {
      to->value_ = from->value_;
    }
  }
}

Json& Json::operator=(const Json& other) {
  if (this != &other) {
    *this = Json(other);
  }
  return *this;
}

Json& Json::operator=(Json&& other) noexcept {
  // `other` may live inside this value: it must be out before the old content goes.
  auto old = std::exchange(value_, std::exchange(other.value_, nullptr));
  Json dying;
  dying.value_ = std::move(old);
  return *this;
}

Json::~Json() {
  if (!is_filled_container(*this)) {
    return;
  }
  Array pending;
  detach_containers(*this, pending);
  while (!pending.empty()) {
    Json value = std::move(pending.back());
    pending.pop_back();
    detach_containers(value, pending);
  }
}

Json Json::array(std::initializer_list<Json> elements) { return Array(elements); }

Json Json::object(std::initializer_list<std::pair<std::string_view, Json>> members) {
  Json result = Object{};
  for (const auto& [name, value] : members) {
    result.set(name, value);
  }
  return result;
}

const Json* Json::find(std::string_view name) const {
  const auto* object = as_object();
  if (object == nullptr) {
    return nullptr;
  }
  const auto it = std::find_if(object->begin(), object->end(),
                               [name](const Member& member) { return member.name == name; });
  return it == object->end() ? nullptr : &it->value;
}

Json* Json::find(std::string_view name) {
  return const_cast<Json*>(std::as_const(*this).find(name));
}

std::string_view Json::string_of(std::string_view name) const {
  const auto* value = find(name);
  const auto* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string_view{} : std::string_view{*text};
}

const Json::Array& Json::array_of(std::string_view name) const {
  static const Array none;
  const auto* value = find(name);
  const auto* array = value == nullptr ? nullptr : value->as_array();
  return array == nullptr ? none : *array;
}

Json& Json::set(std::string_view name, Json value) {
  if (auto* present = find(name)) {
    *present = std::move(value);
    return *this;
  }
  if (!is_object()) {
    value_ = Object{};
  }
  as_object()->push_back({std::string(name), std::move(value)});
  return *this;
}

Json& Json::set_if(std::string_view name, Json value) {
  return value.is_empty() ? *this : set(name, std::move(value));
}

bool Json::erase(std::string_view name) {
  auto* object = as_object();
  return object != nullptr &&
         std::erase_if(*object, [name](const Member& member) { return member.name == name; }) > 0;
}

Json& Json::push(Json element) {
  if (!is_array()) {
    value_ = Array{};
  }
  as_array()->push_back(std::move(element));
  return *this;
}

bool Json::is_empty() const {
  if (const auto* text = as_string()) {
    return text->empty();
  }
  if (is_array() || is_object()) {
    return !is_filled_container(*this);
  }
  return is_null();
}

namespace {

using Pairs = std::vector<std::pair<const Json*, const Json*>>;

std::vector<const Json::Member*> by_name(const Json::Object& object) {
  std::vector<const Json::Member*> sorted;
  sorted.reserve(object.size());
  for (const auto& member : object) {
    sorted.push_back(&member);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  return sorted;
}

bool same_names(const Json::Object& a, const Json::Object& b, Pairs& pending) {
  if (a.size() != b.size()) {
    return false;
  }
  const auto left = by_name(a);
  const auto right = by_name(b);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i]->name != right[i]->name) {
      return false;
    }
    pending.emplace_back(&left[i]->value, &right[i]->value);
  }
  return true;
}

bool same_size(const Json::Array& a, const Json::Array& b, Pairs& pending) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    pending.emplace_back(&a[i], &b[i]);
  }
  return true;
}

bool same_scalar(const Json& a, const Json& b) {
  if (const auto* flag = a.as_bool()) {
    return b.is_bool() && *flag == *b.as_bool();
  }
  if (const auto* number = a.as_number()) {
    return b.is_number() && *number == *b.as_number();
  }
  if (const auto* text = a.as_string()) {
    return b.is_string() && *text == *b.as_string();
  }
  return a.is_null() && b.is_null();
}

}  // namespace

bool operator==(const Json& a, const Json& b) {
  Pairs pending{{&a, &b}};
  while (!pending.empty()) {
    const auto [left, right] = pending.back();
    pending.pop_back();
    bool same = false;
    if (left->is_array() && right->is_array()) {
      same = same_size(*left->as_array(), *right->as_array(), pending);
    } else if (left->is_object() && right->is_object()) {
      same = same_names(*left->as_object(), *right->as_object(), pending);
    } else {
      same = same_scalar(*left, *right);
    }
    if (!same) {
      return false;
    }
  }
  return true;
}

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
  if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE")) {
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

namespace {

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

class Writer {
 public:
  explicit Writer(bool pretty) : pretty_(pretty) {}

  std::string write(const Json& root) {
    begin(root);
    while (!stack_.empty()) {
      step();
    }
    if (pretty_) {
      out_.push_back('\n');
    }
    return std::move(out_);
  }

 private:
  struct Frame {
    const Json* container;
    std::size_t next;
  };

  void begin(const Json& value) {
    if (value.is_array() || value.is_object()) {
      out_.push_back(value.is_array() ? '[' : '{');
      stack_.push_back({&value, 0});
    } else {
      scalar(value);
    }
  }

  void scalar(const Json& value) {
    if (const auto* text = value.as_string()) {
      append_string(out_, *text);
    } else if (const auto* number = value.as_number()) {
      out_ += number->text;
    } else if (const auto* flag = value.as_bool()) {
      out_ += *flag ? "true" : "false";
    } else {
      out_ += "null";
    }
  }

  void step() {
    auto& frame = stack_.back();
    const auto* array = frame.container->as_array();
    const auto* object = frame.container->as_object();
    const auto size = array != nullptr ? array->size() : object->size();
    if (frame.next == size) {
      stack_.pop_back();
      if (size > 0) {
        new_line();
      }
      out_.push_back(array != nullptr ? ']' : '}');
      return;
    }
    const auto index = frame.next++;
    if (index > 0) {
      out_.push_back(',');
    }
    new_line();
    if (object != nullptr) {
      append_string(out_, (*object)[index].name);
      out_ += pretty_ ? ": " : ":";
    }
    begin(array != nullptr ? (*array)[index] : (*object)[index].value);
  }

  void new_line() {
    if (pretty_) {
      out_.push_back('\n');
      out_.append(stack_.size() * 2, ' ');
    }
  }

  bool pretty_;
  std::string out_;
  std::vector<Frame> stack_;
};

}  // namespace

std::string write_json(const Json& value, JsonStyle style) {
  return Writer(style == JsonStyle::pretty).write(value);
}

}  // namespace myoflag::fhir
