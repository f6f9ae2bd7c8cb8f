// hypotheses.yaml, workups.yaml, sources.yaml, terminology.yaml: closed lists that the rest refers
// to.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rules/check_digit.h"
#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

constexpr std::string_view kSnomed = "http://snomed.info/sct";
constexpr std::string_view kLoinc = "http://loinc.org";

// A slip in the address of a code system would match no record, and skip the check digit.
void check_system(Context& context, const Fields& fields, const std::string& system) {
  const Node* node = fields.find("system");
  if (node == nullptr || system.empty()) {
    return;
  }
  if (!system.starts_with("http://") && !system.starts_with("https://") &&
      !system.starts_with("urn:")) {
    context.report(*node, "MF-2053", "a code system is an address: http://, https:// or urn:");
  }
  constexpr std::pair<std::string_view, std::string_view> known[] = {{"snomed", kSnomed},
                                                                     {"loinc", kLoinc}};
  for (const auto& [name, address] : known) {
    const auto found =
        std::search(system.begin(), system.end(), name.begin(), name.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
    if (found != system.end() && system != address) {
      context.report(*node, "MF-2053", fmt::format("the address of this system is {}", address));
    }
  }
}

void check_code(Context& context, const Fields& fields, const Coding& coding) {
  if (coding.code.empty()) {
    return;
  }
  const Node& node = *fields.find("code");
  if (coding.system == kSnomed && !is_snomed_id(coding.code)) {
    context.report(node, "MF-2051", "this is no SNOMED CT code: its check digit is wrong");
  }
  if (coding.system == kLoinc && !is_loinc_code(coding.code)) {
    context.report(node, "MF-2051", "this is no LOINC code: its check digit is wrong");
  }
  const bool spaced = coding.code.find_first_of(" \t\r\n") != std::string::npos;
  if (spaced) {
    context.report(node, "MF-2052", "a code holds no white space");
  }
}

std::span<const Node> only_list(Context& context, const Node& root, std::string_view key,
                                Names& names) {
  const Fields fields(context, root, {key});
  return fields.list_of(key, names);
}

void read_workup_categories(Context& context, const Fields& file) {
  auto& list = context.knowledge.workup_categories;
  Names names;
  for (const Node& node : file.list_of("categories", names)) {
    const Fields fields(context, node, {"id", "codes"});
    WorkupCategory category;
    category.id = fields.id("id");
    category.codes = context.codings(fields.find("codes"));
    context.define(names, node, category.id, list.size());
    list.push_back(std::move(category));
  }
}

bool is_category(const Knowledge& knowledge, std::string_view id) {
  const auto& list = knowledge.workup_categories;
  return std::any_of(list.begin(), list.end(), [id](const auto& known) { return known.id == id; });
}

}  // namespace

void read_hypotheses(Context& context, const Node& root) {
  auto& list = context.knowledge.hypotheses;
  for (const Node& node : only_list(context, root, "hypotheses", context.hypotheses)) {
    const Fields fields(context, node, {"code", "text"});
    Hypothesis hypothesis{fields.id("code"), fields.text("text")};
    context.define(context.hypotheses, node, hypothesis.code, list.size());
    list.push_back(std::move(hypothesis));
  }
}

void read_workups(Context& context, const Node& root) {
  auto& list = context.knowledge.workups;
  const Fields file(context, root, {"categories", "workups"});
  read_workup_categories(context, file);
  for (const Node& node : file.list_of("workups", context.workups)) {
    const Fields fields(context, node, {"code", "text", "note", "category", "codes"});
    Workup workup;
    workup.code = fields.id("code");
    workup.text = fields.text("text");
    workup.note = fields.text_if("note");
    workup.category = fields.id("category");
    if (!workup.category.empty() && !is_category(context.knowledge, workup.category)) {
      context.report(*fields.find("category"), "MF-2021",
                     fmt::format("`{}` is none of the categories above", workup.category));
    }
    workup.codes = context.codings(fields.find("codes"));
    context.define(context.workups, node, workup.code, list.size());
    list.push_back(std::move(workup));
  }
}

void read_sources(Context& context, const Node& root) {
  auto& list = context.knowledge.sources;
  for (const Node& node : only_list(context, root, "sources", context.sources)) {
    const Fields fields(context, node, {"id", "grade", "title", "address"});
    Source source;
    source.id = fields.id("id");
    if (fields.word("grade", {"A", "B", "C", "K"}) >= 0) {
      source.grade = fields.text("grade");
    }
    source.title = fields.text("title");
    source.address = fields.text_if("address");
    context.define(context.sources, node, source.id, list.size());
    list.push_back(std::move(source));
  }
}

void read_terms(Context& context, const Node& root) {
  auto& list = context.knowledge.terms;
  std::map<std::pair<std::string, std::string>, std::string> seen;
  for (const Node& node : only_list(context, root, "terms", context.terms)) {
    const Fields fields(context, node,
                        {"id", "system", "code", "display", "status", "source", "note"});
    const std::string id = fields.id("id");
    Coding coding{fields.text("system"), fields.text("code"), fields.text("display")};
    const std::string status = fields.text("status");
    if (!status.empty() && status != "verified") {
      context.report(*fields.find("status"), "MF-2050",
                     "only codes that were verified against a source may stand here");
    }
    fields.text("source");
    fields.text_if("note");
    check_system(context, fields, coding.system);
    check_code(context, fields, coding);
    const auto [same, is_new] = seen.emplace(std::pair(coding.system, coding.code), id);
    if (!is_new && !coding.code.empty()) {
      context.report(*fields.find("code"), "MF-2020",
                     fmt::format("term `{}` has the same code", same->second));
    }
    context.define(context.terms, node, id, list.size());
    context.term_ids.push_back(id);
    list.push_back(std::move(coding));
  }
}

}  // namespace myoflag::rules::loading
