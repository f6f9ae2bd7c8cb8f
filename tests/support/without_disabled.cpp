#include "tests/support/without_disabled.h"

#include <set>

#include <fmt/format.h>

namespace myoflag::fhir::testing {
namespace {

void prune_items(Json& owner, const std::string& place, const std::set<std::string>& dropped);

void prune_item(Json& item, const std::string& place, const std::set<std::string>& dropped) {
  prune_items(item, place, dropped);
  auto* answers = item.find("answer");
  auto* list = answers == nullptr ? nullptr : answers->as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    prune_items((*list)[i], fmt::format("{}.answer[{}]", place, i), dropped);
  }
}

// Places are those before pruning, so an element keeps its old index until the array is rebuilt.
void prune_items(Json& owner, const std::string& place, const std::set<std::string>& dropped) {
  auto* items = owner.find("item");
  auto* list = items == nullptr ? nullptr : items->as_array();
  if (list == nullptr) {
    return;
  }
  Json::Array kept;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto item_place = fmt::format("{}.item[{}]", place, i);
    if (dropped.find(item_place) == dropped.end()) {
      prune_item((*list)[i], item_place, dropped);
      kept.push_back(std::move((*list)[i]));
    }
  }
  if (kept.empty()) {
    owner.erase("item");
  } else {
    *list = std::move(kept);
  }
}

}  // namespace

Json without_disabled(Json response, const std::vector<DisabledAnswer>& disabled) {
  std::set<std::string> dropped;
  for (const auto& entry : disabled) {
    dropped.insert(entry.place);
  }
  if (!dropped.empty()) {
    prune_items(response, "QuestionnaireResponse", dropped);
  }
  return response;
}

}  // namespace myoflag::fhir::testing
