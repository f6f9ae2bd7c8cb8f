#include "plugin/mapping/sent_response.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "fhir/answer_value.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Assessment;
using rules::Knowledge;

// FHIR: an item of a completed response that was given to a question that does not apply must not
// be there. Such answers stay readable in the machine trace (setAside).
std::set<std::string, std::less<>> disabled_items(const Assessment& assessment) {
  std::set<std::string, std::less<>> links;
  for (const auto& aside : assessment.input->set_aside) {
    if (aside.why == rules::SetAside::Why::disabled) {
      links.insert(assessment.knowledge->items[static_cast<std::size_t>(aside.item)].link_id);
    }
  }
  return links;
}

void add_text(const Knowledge& knowledge, Json& item) {
  const int index = knowledge.item(item.string_of("linkId"));
  if (index < 0 || item.has("text")) {
    return;
  }
  auto& members = *item.as_object();
  const auto link = std::find_if(members.begin(), members.end(),
                                 [](const auto& member) { return member.name == "linkId"; });
  members.insert(link + 1, {"text", knowledge.items[static_cast<std::size_t>(index)].text});
}

// A value that only says why there is none: the reason is said of the answer, where every system
// reads it.
void tidy_answer(Json& answer) {
  const auto choice = fhir::choice_element(answer, "value");
  auto* members = answer.as_object();
  if (!choice.extension_only || members == nullptr) {
    return;
  }
  Json extensions = Json(answer.array_of("extension"));
  std::erase_if(*members, [&extensions](const Json::Member& member) {
    const std::string_view name = member.name;
    const bool is_value = name.starts_with("value") || name.starts_with("_value");
    for (const auto& extension : member.value.array_of("extension")) {
      if (is_value) {
        extensions.push(extension);
      }
    }
    return is_value;
  });
  answer.set("extension", std::move(extensions));
}

// Items below one owner (the response, a group, an answer); groups that become empty go too.
template <typename Disabled>
void tidy_items(const Knowledge& knowledge, const Disabled& disabled, Json& owner) {
  auto* items = owner.find("item");
  if (items == nullptr || !items->is_array()) {
    return;
  }
  Json::Array kept;
  for (auto& item : *items->as_array()) {
    if (disabled.contains(item.string_of("linkId"))) {
      continue;
    }
    const bool had_children = item.has("item");
    tidy_items(knowledge, disabled, item);
    if (had_children && !item.has("item")) {
      continue;
    }
    if (auto* answers = item.find("answer"); answers != nullptr && answers->is_array()) {
      for (auto& answer : *answers->as_array()) {
        tidy_answer(answer);
        tidy_items(knowledge, disabled, answer);
      }
    }
    add_text(knowledge, item);
    kept.push_back(std::move(item));
  }
  // FHIR: items stand in the order of the form.
  std::stable_sort(kept.begin(), kept.end(), [&](const Json& a, const Json& b) {
    return knowledge.item(a.string_of("linkId")) < knowledge.item(b.string_of("linkId"));
  });
  if (kept.empty()) {
    owner.erase("item");
  } else {
    *items = Json(std::move(kept));
  }
}

bool is_left_open(const Assessment& assessment, std::size_t index) {
  return assessment.knowledge->items[index].required &&
         assessment.input->facts.answers.state[index] == rules::ItemState::skipped;
}

// An answer that says only that there is none.
Json no_answer() {
  Json reason = Json::object({{"url", kDataAbsentReasonExtension}, {"valueCode", kUnknown.code}});
  return Json::array({Json::object({{"extension", Json::array({std::move(reason)})}})});
}

// Behind the last item that stands before it in the form.
void insert_item(const Knowledge& knowledge, std::size_t index, Json item, Json& owner) {
  if (owner.find("item") == nullptr) {
    owner.set("item", Json::array());
  }
  auto& items = *owner.find("item")->as_array();
  auto place = items.begin();
  for (auto at = items.begin(); at != items.end(); ++at) {
    if (knowledge.item(at->string_of("linkId")) < static_cast<int>(index)) {
      place = at + 1;
    }
  }
  items.insert(place, std::move(item));
}

Json* child_of(Json& owner, std::string_view link_id) {
  auto* items = owner.find("item");
  if (items != nullptr && items->is_array()) {
    for (auto& item : *items->as_array()) {
      if (item.string_of("linkId") == link_id) {
        return &item;
      }
    }
  }
  return nullptr;
}

// FHIR: a completed response has every required item. People may send the form with gaps all the
// same, so the gap is said where the answer would stand. Groups nest only as deep as the form does.
void say_what_is_open(const Assessment& assessment, int parent, Json& owner) {
  const auto& items = assessment.knowledge->items;
  for (std::size_t index = 0; index < items.size(); ++index) {
    const auto& item = items[index];
    const bool is_group = item.type == rules::ItemType::group;
    if (item.parent != parent || !(is_group || is_left_open(assessment, index))) {
      continue;
    }
    auto* given = child_of(owner, item.link_id);
    Json made = Json::object({{"linkId", item.link_id}, {"text", item.text}});
    Json& target = given == nullptr ? made : *given;
    if (is_group) {
      say_what_is_open(assessment, static_cast<int>(index), target);
    } else if (!target.has("answer")) {
      target.set("answer", no_answer());
    }
    if (given == nullptr && made.as_object()->size() > 2) {
      insert_item(*assessment.knowledge, index, std::move(made), owner);
    }
  }
}

bool drop_urns(Json& json);

// In an array of the extensions of primitives a place stays where it is.
bool drop_urns_of_each(Json::Array& list, bool keeps_places) {
  Json::Array kept;
  bool any = list.empty();
  for (auto& element : list) {
    if (!drop_urns(element)) {
      any = true;
      kept.push_back(std::move(element));
    } else if (keeps_places) {
      kept.emplace_back();
    }
  }
  list = std::move(kept);
  return !any;
}

bool names_a_target(const Json& reference) {
  return reference.has("identifier") || reference.has("display");
}

// References that lead into the file that was read lead nowhere in ours, wherever they stand: a
// server would refuse the whole. What else they say of their target stays. True: nothing is left.
bool drop_urns(Json& json) {
  if (auto* list = json.as_array()) {
    return drop_urns_of_each(*list, false);
  }
  auto* members = json.as_object();
  if (members == nullptr) {
    return false;
  }
  const bool into_file = json.string_of("reference").starts_with("urn:");
  if (into_file) {
    json.erase("reference");
    json.erase("_reference");
  }
  // A Reference that is the answer itself stays: without it there would be no answer.
  const bool is_extension = json.has("url");
  Json::Object kept;
  bool changed = into_file;
  for (auto& member : *members) {
    auto* places = member.name.starts_with('_') ? member.value.as_array() : nullptr;
    const bool stays = member.name == "valueReference" && !is_extension;
    const bool gone =
        !stays && (places != nullptr ? drop_urns_of_each(*places, true) : drop_urns(member.value));
    changed = changed || gone;
    if (!gone) {
      kept.push_back(std::move(member));
    }
  }
  *members = std::move(kept);
  const bool is_bare = members->empty() || (is_extension && members->size() == 1);
  return changed && (is_bare || (into_file && !names_a_target(json)));
}

void tidy_meta(Json& response) {
  response.erase("id");
  if (auto* meta = response.find("meta")) {
    meta->erase("versionId");
    meta->erase("lastUpdated");
    if (meta->is_empty()) {
      response.erase("meta");
    }
  }
}

std::string handling_system(const Knowledge& knowledge) {
  return knowledge.canonical + "/handling";
}

constexpr std::string_view kLeftOut = "answers-left-out";

void mark_left_out(const Knowledge& knowledge, Json& response) {
  if (has_answers_left_out(knowledge, response)) {
    return;
  }
  if (response.find("meta") == nullptr) {
    auto& members = *response.as_object();
    members.insert(members.begin() + 1, {"meta", Json::object()});
  }
  auto& meta = *response.find("meta");
  Json tags = Json(meta.array_of("tag"));
  tags.push(Json::object({{"system", handling_system(knowledge)}, {"code", kLeftOut}}));
  meta.set("tag", std::move(tags));
}

// A contained patient comes along as it is.
void set_subject(const Json& subject, Json& response) {
  const auto* given = response.find("subject");
  if (given != nullptr && given->string_of("reference").starts_with('#')) {
    return;
  }
  if (subject.is_null()) {
    response.erase("subject");
  } else {
    response.set("subject", subject);
  }
}

}  // namespace

bool is_finished(const Json& response) {
  const auto status = response.string_of("status");
  return status == "completed" || status == "amended";
}

bool has_answers_left_out(const Knowledge& knowledge, const Json& response) {
  const auto* meta = response.find("meta");
  const auto& tags = meta == nullptr ? Json::Array() : meta->array_of("tag");
  return std::any_of(tags.begin(), tags.end(), [&](const Json& tag) {
    return tag.string_of("code") == kLeftOut &&
           tag.string_of("system") == handling_system(knowledge);
  });
}

Json sent_response(const Assessment& assessment, const Json& response, const Json& subject) {
  Json sent = response;
  tidy_meta(sent);
  drop_urns(sent);
  set_subject(subject, sent);
  if (assessment.input->form != nullptr) {
    return sent;  // another form: what it asks, and in which order, is not ours to say
  }
  const auto disabled = disabled_items(assessment);
  tidy_items(*assessment.knowledge, disabled, sent);
  if (!disabled.empty()) {
    mark_left_out(*assessment.knowledge, sent);
  }
  if (is_finished(sent)) {
    say_what_is_open(assessment, -1, sent);
  }
  return sent;
}

}  // namespace myoflag::mapping
