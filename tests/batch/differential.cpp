#include "tests/batch/differential.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/quick_resources.h"
#include "tests/mapping/intake_support.h"

namespace myoflag::batch {

using fhir::Json;

namespace {

OutputOptions options(bool quick) {
  OutputOptions one;
  one.now = testing::now();
  one.quick = quick;
  return one;
}

// A member of each kind without something: a text, a display.
void leave_out(Json& items, std::string_view name, std::mt19937_64& random) {
  if (auto* list = items.as_array()) {
    for (auto& one : *list) {
      leave_out(one, name, random);
    }
  } else if (auto* object = items.as_object()) {
    if (random() % 4 == 0) {
      items.erase(name);
    }
    for (auto& member : *object) {
      leave_out(member.value, name, random);
    }
  }
}

constexpr std::array<std::string_view, 9> kWords{"since spring",
                                                 "\"quoted\" & <b>bold</b> ]]> -->",
                                                 "née Müller, 東京, \xF0\x9F\xA7\xA0",
                                                 "back\\slash / slash\ttab",
                                                 "line one\nline two\r\n",
                                                 "\"valueInteger\": 99, \"valueDecimal\":1.0",
                                                 "0",
                                                 "~subject~ Patient/~author~ 987654321",
                                                 " x "};

void add_words(Json& items, std::mt19937_64& random) {
  if (auto* list = items.as_array()) {
    for (auto& one : *list) {
      add_words(one, random);
    }
  } else if (auto* object = items.as_object()) {
    if (items.has("valueString")) {
      items.set("valueString", kWords[random() % kWords.size()]);
    }
    for (auto& member : *object) {
      add_words(member.value, random);
    }
  }
}

Json reference(std::string_view to) { return Json::object({{"reference", to}}); }

}  // namespace

// Members as they come, in any order.
void RandomResponses::dress(Json& response) {
  constexpr std::array<std::string_view, 6> dates{
      "2026-11-22T10:00:00Z",      "2026-11-21T23:59:59.999+14:00", "2026-11-01T00:00:00-05:00",
      "2025-02-28T12:30:00+01:00", "2026-11-22T12:04:00Z",          "2026-11-20T10:00:00Z"};
  response.set("id", fmt::format("r-{}", random_() % 1000000));
  response.set("subject", reference(fmt::format("Patient/p{}", random_() % 1000)));
  response.set("authored", dates[random_() % dates.size()]);
  if (chance(20)) {
    response.set("status", "amended");
  }
  if (chance(30)) {
    response.set("author", reference(chance(50) ? "Practitioner/d1" : "RelatedPerson/m.1"));
  }
  if (chance(60)) {
    response.set("source", reference("Patient/p1"));
  }
  if (chance(30)) {
    response.set("encounter", reference("Encounter/e-1"));
  }
  if (chance(30)) {
    response.set("language", "en-GB");
  }
  if (chance(40)) {
    Json meta = Json::object({{"versionId", "3"}, {"lastUpdated", "2026-11-22T10:00:01.5Z"}});
    if (chance(30)) {
      meta.set("source", "#a1B2");
    }
    response.set("meta", std::move(meta));
  }
  if (chance(5)) {
    response.erase("id");
  }
  if (chance(5)) {
    response.erase("subject");
  }
  if (chance(40)) {
    auto& members = *response.as_object();
    std::shuffle(members.begin(), members.end(), random_);
  }
}

std::string RandomResponses::sound() {
  // Most people answer most questions with "none"; the rest is noise over the whole form.
  auto given = chance(50) ? testing::random_given(random_) : testing::harmless();
  if (chance(60)) {
    for (const auto& [link, answers] : testing::random_given(random_)) {
      if (chance(10) && given.contains(link)) {
        given[link] = answers;
      }
    }
  }
  auto response = testing::response_of(given);
  dress(response);
  if (auto* items = response.find("item")) {
    if (chance(30)) {
      leave_out(*items, "text", random_);
    }
    if (chance(30)) {
      leave_out(*items, "display", random_);
    }
    add_words(*items, random_);
  }
  return fhir::write_json(response);
}

std::string RandomResponses::changed(std::string text) {
  constexpr std::string_view bytes = "\"{}[]:,0123456789.-+eEtfn\\ \n\x01\x7f\xC3";
  constexpr std::array<std::string_view, 20> pieces{"null",
                                                    "true",
                                                    "\"\"",
                                                    "1e1",
                                                    "-0",
                                                    "\"valueInteger\":3,",
                                                    "\"valueString\":\"x\",",
                                                    "\"id\":\"x\",",
                                                    "\"linkId\":\"em-now\",",
                                                    "\\u0000",
                                                    "\\ud800",
                                                    "\\udc00",
                                                    "\\u00e9",
                                                    "\\/",
                                                    "7.50",
                                                    ".none",
                                                    "{},",
                                                    "\"extension\":[],",
                                                    "\"text\":\"x\",",
                                                    " "};
  const auto place = [&] { return random_() % text.size(); };
  switch (random_() % 6) {
    case 0:
      text[place()] = bytes[random_() % bytes.size()];
      break;
    case 1:
      text.erase(place(), 1 + random_() % 3);
      break;
    case 2:
      text.insert(place(), pieces[random_() % pieces.size()]);
      break;
    case 3:
      if (const auto at = text.find_first_of("0123456789", place()); at != std::string::npos) {
        text[at] = static_cast<char>('0' + random_() % 10);
      }
      break;
    case 4: {
      const auto from = text.find(',', place());
      const auto to = from == std::string::npos ? from : text.find(',', from + 1);
      if (to != std::string::npos) {
        const auto stretch = text.substr(from, to - from);
        random_() % 2 == 0 ? text.insert(from, stretch) : text.erase(from, to - from);
      }
      break;
    }
    default: {
      const auto a = text.find("\"code\"", place());
      const auto b = text.find("\"code\"", place());
      if (a != std::string::npos && b != std::string::npos && a < b) {
        const auto code = text.substr(b, text.find_first_of(",}", b) - b);
        text.replace(a, text.find_first_of(",}", a) - a, code);
      }
    }
  }
  return text;
}

struct BothWays::Own {
  explicit Own(const Assessor& assessor)
      : forms(assessor.knowledge()), desk(forms, {testing::now(), true, {}}) {}
  mapping::QuickForms forms;
  mapping::QuickDesk desk;
};

BothWays::BothWays(const Assessor& assessor)
    : files_{{"-", "standard input", false, 0, 0}},
      quick_(assessor, files_, options(true)),
      careful_(assessor, files_, options(false)),
      desk_(quick_.desk()),
      no_desk_(careful_.desk()),
      own_(std::make_unique<Own>(assessor)) {}
BothWays::~BothWays() = default;

namespace {

// By file, in the order in which they are written.
std::vector<std::pair<std::size_t, std::string>> gathered(const Written& written) {
  std::vector<std::pair<std::size_t, std::string>> all;
  for (const auto& [file, text] : written.to) {
    if (all.empty() || all.back().first != file) {
      all.emplace_back(file, text);
    } else {
      all.back().second += text;
    }
  }
  return all;
}

std::string first_difference(const std::string& a, const std::string& b) {
  const auto at = static_cast<std::size_t>(
      std::mismatch(a.begin(),
                    a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                    b.begin())
          .first -
      a.begin());
  const auto from = at < 200 ? 0 : at - 200;
  return fmt::format("at byte {}:\nquick:   {}\ncareful: {}", at, a.substr(from, 400),
                     b.substr(from, 400));
}

}  // namespace

std::string BothWays::disagreement(std::string_view bytes) {
  quick_count_ += own_->desk.judge(bytes) ? 1U : 0U;
  const Record record{{0, 1, 0}, std::string(bytes), {}};
  const auto quick = quick_.write(record, *desk_);
  const auto careful = careful_.write(record, *no_desk_);
  const auto a = gathered(quick);
  const auto b = gathered(careful);
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i]) {
      return fmt::format("file {} and {}, {}", a[i].first, b[i].first,
                         first_difference(a[i].second, b[i].second));
    }
  }
  if (a.size() != b.size()) {
    return "other files";
  }
  const auto& one = quick.tally;
  const auto& other = careful.tally;
  const bool same = one.assessed == other.assessed && one.warned == other.warned &&
                    one.tier == other.tier && one.fired == other.fired &&
                    one.missing == other.missing && one.month == other.month &&
                    one.problem == other.problem;
  return quick.name != careful.name ? "other names" : !same ? "other counts" : "";
}

}  // namespace myoflag::batch
