#include "plugin/cds/card.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "fhir/uuid.h"
#include "plugin/safe_text.h"

namespace myoflag::cds {
namespace {

using fhir::Json;

constexpr std::string_view ellipsis = "\u2026";

void require(bool holds, const char* what) {
  if (!holds) {
    throw std::logic_error(what);
  }
}

std::size_t units_of(const Rune& rune) { return rune.value > 0xffff ? 2 : 1; }

std::string one_line(std::string_view text) {
  std::string line = safe_text(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

std::string label(std::string_view text) {
  require(!text.empty(), "a card's label has no words");
  return cut(text, kLabelUnits);
}

std::string_view name_of(Indicator indicator) {
  switch (indicator) {
    case Indicator::info:
      return "info";
    case Indicator::warning:
      return "warning";
    case Indicator::critical:
      return "critical";
  }
  return "critical";
}

const std::string& checked_uuid(const std::string& uuid) {
  require(fhir::parse_uuid(uuid).has_value(), "a card or suggestion without its UUID");
  return uuid;
}

Json suggestion_json(const Suggestion& suggestion) {
  require(suggestion.resource.is_object(), "a suggestion that creates nothing");
  return Json::object(
      {{"label", label(suggestion.label)},
       {"uuid", checked_uuid(suggestion.uuid)},
       {"actions", Json::array({Json::object({{"type", "create"},
                                              {"description", one_line(suggestion.action)},
                                              {"resource", suggestion.resource}})})}});
}

Json link_json(const Link& link) {
  require(link.url.starts_with("https://") || link.url.starts_with("http://"),
          "a link of a card is no absolute address");
  require(link.smart || link.app_context.empty(), "only a SMART link has a context");
  Json json = Json::object({{"label", label(link.label)},
                            {"url", link.url},
                            {"type", link.smart ? "smart" : "absolute"}});
  json.set_if("appContext", link.app_context);
  return json;
}

Json reason_json(const OverrideReason& reason) {
  require(!reason.code.empty() && !reason.display.empty(), "an override reason without its words");
  return Json::object(
      {{"code", reason.code}, {"system", reason.system}, {"display", reason.display}});
}

template <typename Parts, typename ToJson>
Json list_of(const Parts& parts, ToJson to_json) {
  Json list = Json::array();
  for (const auto& part : parts) {
    list.push(to_json(part));
  }
  return list;
}

Json card_json(const Card& card) {
  require(!card.summary.empty() && !card.source.empty(), "a card without summary or source");
  require(card.detail.size() <= kDetailBytes, "the detail of a card is too long");
  require(card.suggestions.size() <= kSuggestions, "a card with too many suggestions");
  Json json = Json::object(
      {{"uuid", checked_uuid(card.uuid)}, {"summary", cut(card.summary, kSummaryUnits)}});
  json.set_if("detail", card.detail);
  json.set("indicator", name_of(card.indicator));
  json.set("source", Json::object({{"label", label(card.source)}}));
  json.set_if("suggestions", list_of(card.suggestions, suggestion_json));
  if (!card.suggestions.empty()) {
    json.set("selectionBehavior", "any");
  }
  json.set_if("overrideReasons", list_of(card.override_reasons, reason_json));
  json.set_if("links", list_of(card.links, link_json));
  return json;
}

}  // namespace

std::string cut(std::string_view text, std::size_t units) {
  const std::string line = one_line(text);
  std::size_t used = 0, fits = 0, word_end = 0, at = 0;
  while (at < line.size()) {
    const Rune rune = rune_at(line, at);
    const std::size_t length = std::max<std::size_t>(rune.length, 1);
    if (line[at] == ' ' && used + 1 <= units) {
      word_end = at;
    }
    used += units_of(rune);
    at += length;
    if (used + 1 <= units) {
      fits = at;
    }
  }
  if (used <= units) {
    return line;
  }
  // One long word is cut inside.
  const std::size_t end = word_end > fits / 2 ? word_end : fits;
  return line.substr(0, end) + std::string(ellipsis);
}

Json cards_response(const std::vector<Card>& cards) {
  return Json::object({{"cards", list_of(cards, card_json)}});
}

}  // namespace myoflag::cds
