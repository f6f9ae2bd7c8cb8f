#include "fhir/response.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "fhir/issue.h"

namespace myoflag::fhir {

namespace {

ResponseStatus status_of(std::string_view code) {
  constexpr std::array<std::pair<std::string_view, ResponseStatus>, 5> table{{
      {"in-progress", ResponseStatus::in_progress},
      {"completed", ResponseStatus::completed},
      {"amended", ResponseStatus::amended},
      {"entered-in-error", ResponseStatus::entered_in_error},
      {"stopped", ResponseStatus::stopped},
  }};
  const auto it = std::find_if(table.begin(), table.end(),
                               [code](const auto& row) { return row.first == code; });
  return it == table.end() ? ResponseStatus::unknown : it->second;
}

std::string reference_of(const Json& json, std::string_view name) {
  const auto* reference = json.find(name);
  return reference == nullptr ? std::string() : std::string(reference->string_of("reference"));
}

ResponseHeader read_header(const Json& json) {
  ResponseHeader header;
  header.id = json.string_of("id");
  if (const auto* identifier = json.find("identifier")) {
    header.identifier = *identifier;
  }
  header.questionnaire = split_canonical(json.string_of("questionnaire"));
  header.status = status_of(json.string_of("status"));
  header.subject = reference_of(json, "subject");
  header.encounter = reference_of(json, "encounter");
  header.author = reference_of(json, "author");
  header.source = reference_of(json, "source");
  header.authored = json.string_of("authored");
  return header;
}

}  // namespace

Canonical split_canonical(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const auto bar = text.find('|');
  Canonical canonical;
  canonical.url = text.substr(0, bar);
  if (bar != std::string_view::npos) {
    canonical.version = text.substr(bar + 1);
  }
  return canonical;
}

// Recursion is as deep as the JSON, which the gate limits; deeper input built by other means is
// refused here.
class ResponseReader {
 public:
  explicit ResponseReader(Response& response) : response_(response) {}

  void read() { read_items(response_.json(), {}, 0); }

 private:
  static constexpr std::size_t max_depth = 64;

  // What holds an array: an item, an answer, or the response itself.
  struct Owner {
    std::size_t item = no_node;
    std::size_t answer = no_node;
  };

  std::string place_of(Owner owner) const {
    return owner.answer == no_node ? response_.place_of_item(owner.item)
                                   : response_.place_of_answer(owner.answer);
  }

  bool may_note() const { return response_.misfits_.size() < max_issues; }

  void note_array(Owner owner, std::string_view name) {
    if (may_note()) {
      response_.misfits_.push_back(fmt::format("{}.{}", place_of(owner), name));
    }
  }

  void note_element(Owner owner, std::string_view name, std::size_t index) {
    if (may_note()) {
      response_.misfits_.push_back(fmt::format("{}.{}[{}]", place_of(owner), name, index));
    }
  }

  void read_items(const Json& json, Owner owner, std::size_t depth) {
    const auto* list = json.find("item");
    if (list == nullptr) {
      return;
    }
    const auto* array = list->as_array();
    if (array == nullptr || depth >= max_depth) {
      note_array(owner, "item");
      return;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (!(*array)[i].is_object()) {
        note_element(owner, "item", i);
        continue;
      }
      ResponseItem item;
      item.json = &(*array)[i];
      item.parent_item = owner.item;
      item.parent_answer = owner.answer;
      item.index = i;
      read_item(item, depth);
    }
  }

  void read_item(const ResponseItem& start, std::size_t depth) {
    const auto index = response_.items_.size();
    response_.items_.push_back(start);
    read_answers(*start.json, index, depth);
    read_items(*start.json, {index, no_node}, depth + 1);
    response_.items_[index].end = response_.items_.size();
  }

  void read_answers(const Json& json, std::size_t item, std::size_t depth) {
    const auto* list = json.find("answer");
    if (list == nullptr) {
      return;
    }
    const auto* array = list->as_array();
    if (array == nullptr) {
      note_array({item, no_node}, "answer");
      return;
    }
    // All answers of one item stand together, so those below them come afterwards.
    const auto first = response_.answers_.size();
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (!(*array)[i].is_object()) {
        note_element({item, no_node}, "answer", i);
        continue;
      }
      ResponseAnswer answer;
      answer.json = &(*array)[i];
      answer.item = item;
      answer.index = i;
      answer.choice = choice_element((*array)[i], "value");
      response_.answers_.push_back(answer);
    }
    const auto count = response_.answers_.size() - first;
    response_.items_[item].first_answer = first;
    response_.items_[item].answer_count = count;
    for (auto answer = first; answer < first + count; ++answer) {
      response_.answers_[answer].first_item = response_.items_.size();
      read_items(*response_.answers_[answer].json, {no_node, answer}, depth + 1);
      response_.answers_[answer].end_item = response_.items_.size();
    }
  }

  Response& response_;
};

Result<Response> Response::read(const Json& resource) {
  if (!resource.is_object() || resource.string_of("resourceType") != "QuestionnaireResponse") {
    return tl::unexpected(
        Error{"MF-1400", "The resource is not a QuestionnaireResponse.", std::string()});
  }
  Response response;
  response.json_ = &resource;
  response.header_ = read_header(resource);
  ResponseReader(response).read();
  return response;
}

std::size_t Response::parent_of(std::size_t item) const {
  const auto& node = items_[item];
  return node.parent_answer == no_node ? node.parent_item : answers_[node.parent_answer].item;
}

std::string Response::place_of_item(std::size_t item) const {
  // From the node upwards, then written the other way round.
  std::vector<std::string> steps;
  while (item != no_node) {
    const auto& node = items_[item];
    steps.push_back(fmt::format(".item[{}]", node.index));
    item = node.parent_item;
    if (node.parent_answer != no_node) {
      const auto& answer = answers_[node.parent_answer];
      steps.push_back(fmt::format(".answer[{}]", answer.index));
      item = answer.item;
    }
  }
  std::string place = "QuestionnaireResponse";
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    place += *step;
  }
  return place;
}

std::string Response::place_of_answer(std::size_t answer) const {
  return fmt::format("{}.answer[{}]", place_of_item(answers_[answer].item), answers_[answer].index);
}

}  // namespace myoflag::fhir
