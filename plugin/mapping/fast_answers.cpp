#include "plugin/mapping/fast_answers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "fhir/datetime.h"
#include "fhir/decimal.h"
#include "fhir/structure.h"
#include "plugin/mapping/code_system.h"

namespace myoflag::mapping {

namespace {

namespace dom = simdjson::dom;
using fhir::r4::Primitive;
using rules::EnableWhen;
using rules::Item;
using rules::ItemState;
using rules::ItemType;

// Longer strings, deeper or larger documents are for the careful way; so are limits set below
// these.
constexpr std::size_t longest_string = 64u << 10;
constexpr int deepest = 16;
constexpr std::size_t most_nodes = 100'000;
// simdjson takes fourteen times as much memory; no plain response is so long.
constexpr std::size_t most_bytes = 1u << 20;
// Digits that rules::Number holds exactly.
constexpr std::size_t longest_number = 12;

// Strings to their index. At most a quarter full, so that a look-up takes little more than one
// comparison, and made without a search, because every start of the program makes it.
class KeyTable {
 public:
  explicit KeyTable(std::vector<std::string> keys)
      : keys_(std::move(keys)), slots_(std::bit_ceil(4 * keys_.size() + 1), -1) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      slots_[slot_of(keys_[i])] = static_cast<int>(i);
    }
  }

  int find(std::string_view key) const { return slots_[slot_of(key)]; }

 private:
  // Where the key stands, or would stand.
  std::size_t slot_of(std::string_view key) const {
    const std::size_t last = slots_.size() - 1;
    std::size_t at = std::hash<std::string_view>{}(key)&last;
    while (slots_[at] >= 0 && keys_[static_cast<std::size_t>(slots_[at])] != key) {
      at = (at + 1) & last;
    }
    return at;
  }

  std::vector<std::string> keys_;
  std::vector<int> slots_;
};

struct OptionPlace {
  int item = 0;
  int option = 0;
};

std::vector<std::string> link_ids(const rules::Knowledge& knowledge) {
  std::vector<std::string> keys;
  for (const auto& item : knowledge.items) {
    keys.push_back(item.link_id);
  }
  return keys;
}

std::vector<std::string> answer_codes(const rules::Knowledge& knowledge) {
  std::vector<std::string> keys;
  for (const auto& item : knowledge.items) {
    for (const auto& option : item.options) {
      keys.push_back(answer_code(item, option));
    }
  }
  return keys;
}

std::vector<OptionPlace> option_places(const rules::Knowledge& knowledge) {
  std::vector<OptionPlace> places;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    for (std::size_t o = 0; o < knowledge.items[i].options.size(); ++o) {
      places.push_back({static_cast<int>(i), static_cast<int>(o)});
    }
  }
  return places;
}

// As ==, which calls a function for each; a name is held against several, one after another.
template <std::size_t N>
bool is(std::string_view text, const char (&name)[N]) {
  return text.size() == N - 1 && std::memcmp(text.data(), name, N - 1) == 0;
}

// As the gate: tab, line feed and carriage return are the only control characters.
bool holds_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
}

// An escape may name half a character, which simdjson lets pass.
bool is_utf8(std::string_view text) {
  const bool plain = std::none_of(text.begin(), text.end(),
                                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  return plain || simdjson::validate_utf8(text.data(), text.size());
}

// Nothing but printable ASCII, and DEL; eight bytes at a time.
bool is_printable(std::string_view text) {
  constexpr std::uint64_t kTop = 0x8080808080808080U, kSpaces = 0x2020202020202020U;
  std::uint64_t odd = 0;
  const auto look = [&odd](std::uint64_t word) { odd |= word | ((word - kSpaces) & ~word); };
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    look(word);
  }
  std::uint64_t rest = kSpaces;
  std::memcpy(&rest, text.data() + i, text.size() - i);
  look(rest);
  return (odd & kTop) == 0;
}

bool get_string(dom::element element, std::string_view& out) {
  return element.get_string().get(out) == simdjson::SUCCESS && out.size() <= longest_string &&
         (is_printable(out) || (!holds_control(out) && is_utf8(out)));
}

bool is_form(Primitive primitive, std::string_view text) {
  return fhir::has_primitive_form(primitive, text);
}

// "Patient/p1": one of the types, and an id.
template <std::size_t N>
bool is_reference_to(std::string_view text, const std::array<std::string_view, N>& types) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos &&
         std::find(types.begin(), types.end(), text.substr(0, slash)) != types.end() &&
         is_form(Primitive::id, text.substr(slash + 1));
}

bool is_plain_text(std::string_view text) {
  const bool visible =
      std::any_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  return visible && is_form(Primitive::string, text);
}

bool is_plain_decimal(std::string_view text) {
  return text.size() <= longest_number && text.find_first_of("eE") == std::string_view::npos &&
         fhir::is_decimal(text);
}

// The text of the numbers behind one member name, in the order of the document: simdjson's tree
// holds only their value.
class NumberTexts {
 public:
  // Skips most of the text; string_view::find would stop at every quotation mark.
  using Name = std::boyer_moore_horspool_searcher<std::string_view::const_iterator>;

  NumberTexts(std::string_view source, const Name& quoted_name)
      : source_(source), name_(quoted_name) {}

  // Empty when there is no further one.
  std::string_view next() {
    constexpr std::string_view space = " \t\r\n";
    while (true) {
      const auto [found, behind] = name_(source_.begin() + at_, source_.end());
      if (found == source_.end()) {
        at_ = source_.end() - source_.begin();
        return {};
      }
      at_ = behind - source_.begin();
      const auto colon = source_.find_first_not_of(space, static_cast<std::size_t>(at_));
      if (colon == std::string_view::npos || source_[colon] != ':') {
        continue;  // a string of that content
      }
      const auto begin = source_.find_first_not_of(space, colon + 1);
      const auto end = source_.find_first_not_of("0123456789+-.eE", begin);
      return begin == std::string_view::npos ? std::string_view()
                                             : source_.substr(begin, end - begin);
    }
  }

 private:
  std::string_view source_;
  const Name& name_;
  std::ptrdiff_t at_ = 0;
};

NumberTexts::Name name_of(std::string_view quoted) { return {quoted.begin(), quoted.end()}; }

}  // namespace

struct FastForm::Tables {
  explicit Tables(rules::KnowledgePtr owner)
      : knowledge(std::move(owner)),
        items(link_ids(*knowledge)),
        codes(answer_codes(*knowledge)),
        places(option_places(*knowledge)),
        canonical(questionnaire_canonical(*knowledge)),
        system(answer_system(*knowledge)) {}

  rules::KnowledgePtr knowledge;
  KeyTable items;
  KeyTable codes;
  std::vector<OptionPlace> places;  // index: codes
  std::string canonical, system;
  NumberTexts::Name integer = name_of("\"valueInteger\"");
  NumberTexts::Name decimal = name_of("\"valueDecimal\"");
};

FastForm::FastForm(rules::KnowledgePtr knowledge)
    : tables_(std::make_unique<const Tables>(std::move(knowledge))) {}
FastForm::~FastForm() = default;
FastForm::FastForm(FastForm&&) noexcept = default;

// Reads one response; every function returns false as soon as something is not plain.
class FastWalk {
 public:
  FastWalk(const FastForm::Tables& form, std::string_view source, FastResponse& out)
      : form_(form),
        knowledge_(*form.knowledge),
        integers_(source, form.integer),
        decimals_(source, form.decimal),
        out_(out) {}

  bool response(dom::element root) {
    dom::object object;
    if (root.get_object().get(object) != simdjson::SUCCESS) {
      return false;
    }
    for (const auto [name, value] : object) {
      if (!header_member(name, value)) {
        return false;
      }
    }
    constexpr unsigned needed =
        seen_type | seen_questionnaire | seen_status | seen_authored | seen_item;
    return (seen_ & needed) == needed && items(items_, -1) && is_consistent() &&
           integers_.next().empty() && decimals_.next().empty();
  }

 private:
  using Member = FastMember::Kind;
  using Piece = FastPiece::Kind;

  enum Seen : unsigned {
    seen_type = 1u << 0,
    seen_id = 1u << 1,
    seen_questionnaire = 1u << 2,
    seen_status = 1u << 3,
    seen_authored = 1u << 4,
    seen_subject = 1u << 5,
    seen_item = 1u << 6,
    seen_source = 1u << 7,
    seen_author = 1u << 8,
    seen_language = 1u << 9,
    seen_meta = 1u << 10,
    seen_encounter = 1u << 11,
  };

  void note(Member kind, std::string_view text) { out_.members.push_back({kind, text}); }

  // False when the member was there before.
  static bool first(unsigned& seen, unsigned bit) {
    const bool fresh = (seen & bit) == 0;
    seen |= bit;
    return fresh;
  }

  // ---- the response as a whole

  bool header_member(std::string_view name, dom::element value) {
    if (is(name, "item")) {
      note(Member::items, {});
      return first(seen_, seen_item) && value.get_array().get(items_) == simdjson::SUCCESS;
    }
    if (is(name, "meta")) {
      return first(seen_, seen_meta) && meta(value);
    }
    constexpr std::array<std::string_view, 1> patient{"Patient"};
    constexpr std::array<std::string_view, 3> people{"Patient", "RelatedPerson", "Practitioner"};
    constexpr std::array<std::string_view, 1> encounter{"Encounter"};
    if (is(name, "subject")) {
      return first(seen_, seen_subject) && reference(value, patient, Member::subject);
    }
    if (is(name, "source")) {
      return first(seen_, seen_source) && reference(value, people, Member::source);
    }
    if (is(name, "author")) {
      return first(seen_, seen_author) && reference(value, people, Member::author);
    }
    if (is(name, "encounter")) {
      return first(seen_, seen_encounter) && reference(value, encounter, Member::encounter);
    }
    std::string_view text;
    return get_string(value, text) && header_text(name, text);
  }

  bool header_text(std::string_view name, std::string_view text) {
    if (is(name, "resourceType")) {
      return first(seen_, seen_type) && is(text, "QuestionnaireResponse");
    }
    if (is(name, "questionnaire")) {
      note(Member::questionnaire, text);
      return first(seen_, seen_questionnaire) && text == form_.canonical;
    }
    if (is(name, "status")) {
      note(Member::status, text);
      return first(seen_, seen_status) && (is(text, "completed") || is(text, "amended"));
    }
    if (is(name, "id")) {
      out_.id = text;
      return first(seen_, seen_id) && is_form(Primitive::id, text);
    }
    if (is(name, "language")) {
      out_.language = text;
      note(Member::language, text);
      return first(seen_, seen_language) && is_form(Primitive::code, text);
    }
    if (is(name, "authored")) {
      out_.authored = text;
      note(Member::authored, text);
      const auto moment = fhir::parse_date_time(text);
      return first(seen_, seen_authored) && moment && moment->zone;
    }
    return false;
  }

  template <std::size_t N>
  bool reference(dom::element value, const std::array<std::string_view, N>& types, Member kind) {
    dom::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS || object.size() != 1) {
      return false;
    }
    const auto [name, text_element] = *object.begin();
    std::string_view text;
    if (name != "reference" || !get_string(text_element, text) || !is_reference_to(text, types)) {
      return false;
    }
    if (kind == Member::subject) {
      out_.subject = text;
    }
    note(kind, text);
    return true;
  }

  // What a server adds.
  bool meta(dom::element value) {
    dom::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS || object.size() == 0) {
      return false;
    }
    unsigned seen = 0;
    for (const auto [name, element] : object) {
      std::string_view text;
      if (!get_string(element, text)) {
        return false;
      }
      const bool good = is(name, "versionId") ? first(seen, 1) && is_form(Primitive::id, text)
                        : is(name, "lastUpdated")
                            ? first(seen, 2) && is_form(Primitive::instant, text)
                        : is(name, "source") ? first(seen, 4) && is_form(Primitive::uri, text)
                                             : false;
      if (!good) {
        return false;
      }
      if (is(name, "source")) {
        note(Member::meta_source, text);
      }
    }
    return true;
  }

  // ---- items

  struct Parts {
    int index = -1;
    std::string_view text;
    bool has_text = false;
    bool has_items = false;
    bool has_answers = false;
    dom::array list;
  };

  bool parts(dom::element element, Parts& out) {
    dom::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) {
      return false;
    }
    unsigned seen = 0;
    for (const auto [name, value] : object) {
      std::string_view text;
      if (is(name, "linkId")) {
        if (!first(seen, 1) || !get_string(value, text)) {
          return false;
        }
        out_.is_usual = out_.is_usual && seen == 1;
        out.index = form_.items.find(text);
      } else if (is(name, "text")) {
        if (!first(seen, 2) || !get_string(value, out.text)) {
          return false;
        }
        out_.is_usual = out_.is_usual && seen <= 3;
        out.has_text = true;
      } else if (is(name, "item") || is(name, "answer")) {
        if (!first(seen, 4) || value.get_array().get(out.list) != simdjson::SUCCESS) {
          return false;
        }
        (is(name, "item") ? out.has_items : out.has_answers) = true;
      } else {
        return false;
      }
    }
    return out.index >= 0 && (!out.has_text || out.text == knowledge_.items[slot(out.index)].text);
  }

  static std::size_t slot(int index) { return static_cast<std::size_t>(index); }

  // The form nests its groups, so this goes as deep as the form at most: each child's parent is
  // checked.
  bool items(dom::array list, int parent) {
    if (list.size() == 0) {
      return false;
    }
    for (const auto element : list) {
      Parts found;
      if (!parts(element, found)) {
        return false;
      }
      const auto& item = knowledge_.items[slot(found.index)];
      if (item.parent != parent || found.index <= last_) {
        return false;
      }
      last_ = found.index;
      present_[slot(found.index)] = true;
      const bool is_group = item.type == ItemType::group;
      out_.pieces.push_back(
          {is_group ? Piece::group : Piece::question, found.has_text, found.index, -1, {}});
      const bool good = is_group ? found.has_items && items(found.list, found.index)
                                 : found.has_answers && answers(found.list, found.index, item);
      if (!good) {
        return false;
      }
      out_.pieces.push_back({Piece::end, false, found.index, -1, {}});
    }
    return true;
  }

  bool answers(dom::array list, int index, const Item& item) {
    if (item.type == ItemType::display || list.size() == 0 || (list.size() > 1 && !item.repeats)) {
      return false;
    }
    for (const auto element : list) {
      dom::object object;
      if (element.get_object().get(object) != simdjson::SUCCESS || object.size() != 1) {
        return false;
      }
      const auto [name, value] = *object.begin();
      if (!answer(name, value, index, item)) {
        return false;
      }
    }
    const auto chosen = out_.given.chosen[slot(index)];
    const bool contradicts = (chosen & item.none) != 0 && chosen != item.none;
    out_.given.state[slot(index)] = ItemState::answered;
    return !contradicts;
  }

  bool answer(std::string_view name, dom::element value, int index, const Item& item) {
    switch (item.type) {
      case ItemType::choice:
        return is(name, "valueCoding") && choice(value, index, item);
      case ItemType::integer:
        return is(name, "valueInteger") && integer(value, index, item);
      case ItemType::decimal:
        return is(name, "valueDecimal") && decimal(value, index, item);
      case ItemType::text:
        return is(name, "valueString") && text(value, index);
      default:
        return false;
    }
  }

  bool choice(dom::element value, int index, const Item& item) {
    dom::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
      return false;
    }
    unsigned seen = 0;
    std::string_view system, code, display;
    for (const auto [name, element] : object) {
      std::string_view part;
      if (!get_string(element, part)) {
        return false;
      }
      const unsigned before = seen;
      const bool fresh = is(name, "system")    ? first(seen, 1)
                         : is(name, "code")    ? first(seen, 2)
                         : is(name, "display") ? first(seen, 4)
                                               : false;
      if (!fresh) {
        return false;
      }
      out_.is_usual = out_.is_usual && (seen & ~before) > before;
      (is(name, "system") ? system : is(name, "code") ? code : display) = part;
    }
    const int found = form_.codes.find(code);
    if (system != form_.system || found < 0) {
      return false;
    }
    const auto place = form_.places[slot(found)];
    const auto bit = std::uint64_t{1} << place.option;
    auto& chosen = out_.given.chosen[slot(index)];
    if (place.item != index || (chosen & bit) != 0 ||
        ((seen & 4) != 0 && display != item.options[slot(place.option)].text)) {
      return false;
    }
    chosen |= bit;
    out_.pieces.push_back({Piece::option, (seen & 4) != 0, index, place.option, {}});
    return true;
  }

  bool integer(dom::element value, int index, const Item& item) {
    const auto written = integers_.next();
    const auto read = fhir::to_integer(written);
    std::int64_t same = 0;
    return read && value.get_int64().get(same) == simdjson::SUCCESS && same == *read &&
           set_number(rules::whole(*read), written, index, item);
  }

  bool decimal(dom::element value, int index, const Item& item) {
    const auto written = decimals_.next();
    const auto read = is_plain_decimal(written) ? rules::read_number(written) : std::nullopt;
    return read && value.is_number() && set_number(*read, written, index, item);
  }

  bool set_number(rules::Number number, std::string_view written, int index, const Item& item) {
    out_.pieces.push_back({Piece::number, false, index, -1, written});
    out_.given.number[slot(index)] = number;
    return is_within(item, written);
  }

  bool text(dom::element value, int index) {
    std::string_view words;
    if (!get_string(value, words) || !is_plain_text(words)) {
      return false;
    }
    out_.free_text.push_back({index, std::string(words)});
    out_.pieces.push_back({Piece::words, false, index, -1, words});
    return true;
  }

  // ---- what the form asks for with these answers: everything required, nothing else

  bool holds(const EnableWhen& when) const {
    const auto at = slot(when.item);
    const bool answered = out_.given.state[at] == ItemState::answered;
    switch (when.op) {
      case EnableWhen::Op::is:
        return (out_.given.chosen[at] & when.options) != 0;
      case EnableWhen::Op::is_not:
        return answered && (out_.given.chosen[at] & when.options) == 0;
      case EnableWhen::Op::at_least:
        return answered && out_.given.number[at] >= when.limit;
      case EnableWhen::Op::at_most:
        return answered && out_.given.number[at] <= when.limit;
    }
    return false;
  }

  bool is_enabled(const Item& item) const {
    const auto test = [this](const EnableWhen& when) { return holds(when); };
    const auto begin = item.enable.begin();
    const auto end = item.enable.end();
    return item.enable.empty() ||
           (item.enable_any ? std::any_of(begin, end, test) : std::all_of(begin, end, test));
  }

  bool is_consistent() const {
    std::array<bool, rules::kMaxItems> enabled{};
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      const auto& item = knowledge_.items[i];
      enabled[i] = (item.parent < 0 || enabled[slot(item.parent)]) && is_enabled(item);
      if (enabled[i] ? item.required && !present_[i] : present_[i]) {
        return false;
      }
    }
    return true;
  }

  const FastForm::Tables& form_;
  const rules::Knowledge& knowledge_;
  NumberTexts integers_, decimals_;
  FastResponse& out_;
  dom::array items_;
  unsigned seen_ = 0;
  int last_ = -1;
  std::array<bool, rules::kMaxItems> present_{};
};

struct FastReader::Parser {
  dom::parser parser;
  bool ready = false;
};

FastReader::FastReader(const FastForm& form, const fhir::Limits& limits)
    : form_(&form), limits_(limits), parser_(std::make_unique<Parser>()) {
  parser_->ready = parser_->parser.allocate(longest_string, deepest) == simdjson::SUCCESS;
}
FastReader::~FastReader() = default;
FastReader::FastReader(FastReader&&) noexcept = default;

std::optional<FastResponse> FastReader::read(std::string_view json) {
  FastResponse out;
  return read(json, out) ? std::optional(std::move(out)) : std::nullopt;
}

bool FastReader::read(std::string_view json, FastResponse& out) {
  const bool narrow = limits_.string_bytes < longest_string || limits_.depth < deepest ||
                      limits_.nodes < most_nodes;
  // simdjson copies from no address when there is nothing to copy.
  if (!parser_->ready || narrow || json.empty() ||
      json.size() > std::min(limits_.bytes, most_bytes) || json.starts_with("\xEF\xBB\xBF")) {
    return false;
  }
  dom::element root;
  if (parser_->parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
    return false;
  }
  out.id.clear();
  out.subject.clear();
  out.authored.clear();
  out.language.clear();
  out.given = {};
  out.free_text.clear();
  out.members.clear();
  out.pieces.clear();
  out.is_usual = true;
  if (!FastWalk(*form_->tables_, json, out).response(root)) {
    return false;
  }
  std::sort(out.members.begin(), out.members.end(),
            [](const FastMember& a, const FastMember& b) { return a.kind < b.kind; });
  return true;
}

}  // namespace myoflag::mapping
