#include "rules/loader/tree.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace myoflag::rules::loading {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Length of the UTF-8 character at `at`; 0 where there is none, or one that text must not hold.
std::size_t character_length(std::string_view bytes, std::size_t at) {
  const auto lead = static_cast<unsigned char>(bytes[at]);
  if (lead < 0x80) {
    return (lead < 0x20 && !is_space(bytes[at])) || lead == 0x7F ? 0 : 1;
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > bytes.size()) {
    return 0;
  }
  std::uint32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(bytes[at + i])) {
      return 0;
    }
    code = (code << 6U) | (static_cast<unsigned char>(bytes[at + i]) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  const bool control = code < 0xA0 || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
  return overlong || surrogate || control || code > 0x10FFFF ? 0 : length;
}

std::optional<std::size_t> first_bad_byte(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = character_length(bytes, at);
    if (length == 0) {
      return at;
    }
    at += length;
  }
  return std::nullopt;
}

// Thrown through yaml-cpp to end its run, caught in read_document.
struct Refused {
  std::size_t offset;
  std::string code, text;
};

std::size_t offset_of(const YAML::Mark& mark) {
  return mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
}

class Builder : public YAML::EventHandler {
 public:
  explicit Builder(Document& document) : document_(document) {}

  std::size_t last() const { return last_; }  // where the last text begins

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    begin(mark, "?", anchor, Node::Kind::null);
    end();
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{offset_of(mark), "MF-2005", "aliases are not allowed: write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node& node = begin(mark, tag, anchor, Node::Kind::scalar);
    node.text = value;
    node.quoted = tag == "!";
    last_ = offset_of(mark);
    end();
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Node::Kind::sequence);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { end(); }

 private:
  // Where the next node goes. A map takes key, value, key, value ...
  Node& place() {
    if (open_.empty()) {
      return document_.root;
    }
    Node& parent = *open_.back().node;
    if (parent.kind == Node::Kind::sequence) {
      return parent.items.emplace_back();
    }
    open_.back().key = !open_.back().key;
    return open_.back().key ? parent.fields.emplace_back().key : parent.fields.back().value;
  }

  Node& begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              Node::Kind kind) {
    const std::size_t offset = offset_of(mark);
    if (anchor != YAML::NullAnchor) {
      throw Refused{offset, "MF-2005", "anchors are not allowed: write the value out"};
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{offset, "MF-2005", "tags are not allowed"};
    }
    if (open_.size() >= static_cast<std::size_t>(kMaxDepth)) {
      throw Refused{offset, "MF-2006", fmt::format("nested more than {} levels deep", kMaxDepth)};
    }
    Node& node = place();
    node.kind = kind;
    node.offset = offset;
    node.document = &document_;
    open_.push_back({&node, false});
    return node;
  }

  // A child is complete before its parent gets the next one, so pointers to open nodes stay valid.
  void end() { open_.pop_back(); }

  struct Open {
    Node* node;
    bool key;  // the last child placed in a map was a key
  };
  Document& document_;
  std::vector<Open> open_;
  std::size_t last_ = 0;
};

// Behind the text that begins at `last`, which may be one itself.
std::size_t next_quotation(std::string_view bytes, std::size_t last) {
  constexpr std::string_view kQuotes = "\"'";
  const bool is_quoted = last < bytes.size() && kQuotes.find(bytes[last]) != kQuotes.npos;
  const auto behind = is_quoted ? bytes.find(bytes[last], last + 1) : last;
  const auto found = bytes.find_first_of(kQuotes, behind == bytes.npos ? last : behind + 1);
  return found == bytes.npos ? last : found;
}

// yaml-cpp leaves the end of one document to us; content after it would be lost silently. It takes
// the end of the file for the end of a quotation; the mark of the end of a document is none.
void parse(Document& document) {
  std::istringstream stream(document.bytes +
                            (document.bytes.ends_with('\n') ? "...\n" : "\n...\n"));
  YAML::Parser parser(stream);
  Builder builder(document);
  try {
    if (!parser.HandleNextDocument(builder)) {
      return;
    }
  } catch (const YAML::Exception& error) {
    if (error.msg != YAML::ErrorMsg::DOC_IN_SCALAR) {
      throw;
    }
    throw Refused{next_quotation(document.bytes, builder.last()), "MF-2004",
                  "this is not YAML: a quotation has no end"};
  }
  struct Second : Builder {
    using Builder::Builder;
    void OnDocumentStart(const YAML::Mark& mark) override {
      throw Refused{offset_of(mark), "MF-2005", "a second document starts here"};
    }
  };
  Second second(document);
  parser.HandleNextDocument(second);
}

std::vector<std::size_t> line_begins(std::string_view bytes) {
  std::vector<std::size_t> begins{0};
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    begins.push_back(at + 1);
  }
  return begins;
}

// Where in the file the text of the scalar begins.
std::size_t text_begin(const Node& scalar) {
  const std::string& bytes = scalar.document->bytes;
  const char first = scalar.offset < bytes.size() ? bytes[scalar.offset] : ' ';
  if (first == '"' || first == '\'') {
    return scalar.offset + 1;
  }
  if (scalar.quoted && (first == '|' || first == '>')) {
    const std::size_t line_end = bytes.find('\n', scalar.offset);
    return line_end == std::string::npos ? bytes.size() : line_end;
  }
  return scalar.offset;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const auto& field : fields) {
    if (field.key.text == key) {
      return &field.value;
    }
  }
  return nullptr;
}

void read_document(Document& document, Problems& problems) {
  if (document.bytes.starts_with("\xEF\xBB\xBF")) {
    document.bytes.erase(0, 3);
  }
  document.line_begins = line_begins(document.bytes);
  const auto refuse = [&](std::size_t offset, std::string code, std::string text) {
    problems.push_back(problem_at(document, offset, std::move(code), std::move(text)));
  };
  if (document.bytes.size() > kMaxFileBytes) {
    refuse(0, "MF-2002", fmt::format("the file is larger than {} bytes", kMaxFileBytes));
    return;
  }
  if (const auto bad = first_bad_byte(document.bytes)) {
    refuse(*bad, "MF-2003", "this byte is not UTF-8 text");
    return;
  }
  try {
    parse(document);
    document.complete = true;
  } catch (const Refused& refused) {
    refuse(refused.offset, refused.code, refused.text);
  } catch (const YAML::Exception& error) {
    refuse(offset_of(error.mark), "MF-2004", fmt::format("this is not YAML: {}", error.msg));
  } catch (const std::exception&) {
    refuse(0, "MF-2004", "this is not YAML");
  }
}

std::size_t place_in(const Node& scalar, std::size_t index) {
  const std::string& bytes = scalar.document->bytes;
  std::size_t at = text_begin(scalar);
  const auto skip_space = [&] {
    while (at < bytes.size() && is_space(bytes[at])) {
      ++at;
    }
  };
  for (std::size_t i = 0; i < index && i < scalar.text.size(); ++i) {
    if (is_space(scalar.text[i])) {
      continue;
    }
    skip_space();
    if (at >= bytes.size() || bytes[at] != scalar.text[i]) {
      return scalar.offset;
    }
    ++at;
  }
  if (index < scalar.text.size() && !is_space(scalar.text[index])) {
    skip_space();
  }
  return at;
}

Problem problem_at(const Document& document, std::size_t offset, std::string code,
                   std::string text) {
  const std::string_view bytes = document.bytes;
  offset = std::min(offset, bytes.size());
  const auto& lines = document.line_begins;
  const auto next_line = std::upper_bound(lines.begin(), lines.end(), offset);
  const std::size_t line_begin = *std::prev(next_line);
  const auto characters = [](std::string_view part) {
    return static_cast<std::size_t>(
        std::count_if(part.begin(), part.end(), [](char c) { return !continues(c); }));
  };
  Problem problem;
  problem.code = std::move(code);
  problem.text = std::move(text);
  problem.file = document.file;
  problem.line = static_cast<std::size_t>(next_line - lines.begin());
  problem.column = characters(bytes.substr(line_begin, offset - line_begin)) + 1;
  std::string_view line = bytes.substr(line_begin, bytes.find('\n', line_begin) - line_begin);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  problem.excerpt = excerpt_of(line);
  return problem;
}

}  // namespace myoflag::rules::loading
