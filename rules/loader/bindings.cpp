// bindings.yaml
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "rules/ascii.h"
#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), to_lower);
  return text;
}

bool is_word_byte(char c) { return static_cast<unsigned char>(c) >= 0x80 || is_letter_or_digit(c); }

std::vector<std::string> read_words(Context& context, const Fields& fields,
                                    std::string_view key = "text") {
  std::vector<std::string> out;
  const Node* list = fields.find(key);
  if (list == nullptr) {
    return out;
  }
  for (auto& words : context.texts(*list)) {
    if (std::none_of(words.begin(), words.end(), is_word_byte)) {
      context.report(*list, "MF-2014", fmt::format("`{}` holds no word", words));
    }
    out.push_back(lower(std::move(words)));
  }
  return out;
}

// What in a record means it: codes, prefixes, words.
CodeBinding read_matches(Context& context, const Fields& fields) {
  CodeBinding binding;
  binding.codes = context.codings(fields.find("codes"));
  binding.prefixes = context.codings(fields.find("prefixes"));
  binding.except = context.codings(fields.find("except"));
  if (!binding.except.empty() && binding.prefixes.empty()) {
    context.report(*fields.find("except"), "MF-2030", "`except` is for prefixes only");
  }
  binding.text = read_words(context, fields);
  if (fields.is_map() && binding.codes.empty() && binding.prefixes.empty() &&
      binding.text.empty() && fields.find("codes") == nullptr &&
      fields.find("prefixes") == nullptr) {
    context.report(fields.node(), "MF-2011",
                   "nothing in a record could match this: codes, prefixes and text are missing");
  }
  return binding;
}

void read_option_bindings(Context& context, std::span<const Node> list, std::string_view key,
                          int item_index, std::vector<CodeBinding>& out) {
  for (const Node& node : list) {
    const Fields fields(context, node, {key, "codes", "prefixes", "except", "text"});
    CodeBinding binding = read_matches(context, fields);
    const Node* option = fields.need(key);
    if (option != nullptr && item_index >= 0) {
      const Item& item = context.knowledge.items[static_cast<std::size_t>(item_index)];
      std::uint64_t mask = 0;
      context.options_into(item, *option, mask);
      binding.option = mask != 0 ? item.option(*context.text(*option)) : -1;
    }
    out.push_back(std::move(binding));
  }
}

void read_lab(Context& context, const Node& node) {
  const Fields fields(
      context, node,
      {"name", "title", "codes", "not-comparable", "text", "unit", "convert", "relative"});
  LabBinding lab;
  lab.name = fields.id("name");
  lab.title = fields.text("title");
  lab.codes = context.codings(fields.need("codes"));
  lab.not_comparable = context.codings(fields.find("not-comparable"));
  lab.text = read_words(context, fields);
  for (const Coding& code : lab.not_comparable) {
    if (std::find(lab.codes.begin(), lab.codes.end(), code) != lab.codes.end()) {
      context.report(*fields.find("not-comparable"), "MF-2014",
                     fmt::format("`{}` also stands in `codes`", code.code));
    }
  }
  lab.relative_to_upper_limit =
      fields.find("relative") != nullptr && fields.word("relative", {"upper-limit"}) == 0;
  lab.unit = lab.relative_to_upper_limit ? fields.text_if("unit") : fields.text("unit");
  for (const Node& entry : fields.list_if("convert")) {
    const Fields convert(context, entry, {"unit", "factor"});
    LabBinding::Conversion conversion;
    conversion.unit = convert.text("unit");
    const auto same = [&](const auto& known) { return known.unit == conversion.unit; };
    if (conversion.unit == lab.unit || std::any_of(lab.convert.begin(), lab.convert.end(), same)) {
      context.report(entry, "MF-2013", fmt::format("unit `{}` stands twice", conversion.unit));
    }
    if (const Node* factor = convert.need("factor")) {
      conversion.factor = context.number(*factor).value_or(Number{});
      if (conversion.factor <= Number{}) {
        context.report(*factor, "MF-2015", "a factor is above zero");
      }
    }
    lab.convert.push_back(std::move(conversion));
  }
  auto& labs = context.knowledge.labs;
  context.define(context.labs, node, lab.name, labs.size());
  labs.push_back(std::move(lab));
}

void read_pregnancy_status(Context& context, const Node& node) {
  PregnancyStatus& status = context.knowledge.bindings.pregnancy_status;
  const Fields fields(context, node,
                      {"codes", "yes", "yes-text", "no-text", "no-codes", "time-units"});
  status.codes = context.codings(fields.need("codes"));
  status.no_codes = context.codings(fields.find("no-codes"));
  status.yes_text = read_words(context, fields, "yes-text");
  status.no_text = read_words(context, fields, "no-text");
  status.time_units = read_words(context, fields, "time-units");
  const Node* yes = fields.need("yes");
  const int index = context.knowledge.bindings.pregnancy;
  if (yes != nullptr && index >= 0) {
    const Item& item = context.knowledge.items[static_cast<std::size_t>(index)];
    std::uint64_t mask = 0;
    context.options_into(item, *yes, mask);
    status.yes = mask != 0 ? item.option(*context.text(*yes)) : -1;
  }
}

// The answers that tell a caution, beside what a record says.
void read_caution_question(Context& context, const Fields& fields, CodeBinding& binding) {
  const Node* question = fields.find("question");
  if (question == nullptr) {
    for (const auto* key : {"yes", "ask"}) {
      if (fields.find(key) != nullptr) {
        context.report(*fields.find(key), "MF-2030",
                       fmt::format("`{}` needs the key `question`", key));
      }
    }
    return;
  }
  const int index = context.find(context.items, *question);
  if (index < 0 || context.untyped.contains(index)) {
    return;
  }
  const Item& item = context.knowledge.items[static_cast<std::size_t>(index)];
  if (item.type != ItemType::choice) {
    context.report(*question, "MF-2033", "the question of a caution must be a choice");
    return;
  }
  binding.question = index;
  const Node* yes = fields.need("yes");
  const Node* ask = fields.need("ask");
  binding.yes = yes != nullptr ? context.options(item, *yes) : 0;
  binding.ask = ask != nullptr ? context.options(item, *ask) : 0;
  if ((binding.yes & binding.ask) != 0) {
    context.report(*fields.find("ask"), "MF-2014",
                   "an option cannot both mean the caution and leave it open");
  }
}

void read_caution(Context& context, const Node& node) {
  const Fields fields(
      context, node,
      {"caution", "label", "codes", "prefixes", "except", "text", "question", "yes", "ask"});
  CodeBinding binding = read_matches(context, fields);
  if (fields.word("caution", {"mri", "emg"}) >= 0) {
    binding.caution = fields.text("caution");
  }
  binding.label = fields.text("label");
  read_caution_question(context, fields, binding);
  context.knowledge.bindings.cautions.push_back(std::move(binding));
}

bool is_address(std::string_view system) {
  return system.starts_with("http://") || system.starts_with("https://") ||
         system.starts_with("urn:");
}

std::vector<std::string> read_all(Context& context, const Fields& fields, std::string_view key) {
  const Node* list = fields.need(key);
  auto texts = list == nullptr ? std::vector<std::string>() : context.texts(*list);
  if (texts.empty() && list != nullptr && list->kind == Node::Kind::sequence) {
    context.report(*list, "MF-2017", "the list is empty");
  }
  return texts;
}

void read_calm_codes(Context& context, std::span<const Node> list, std::vector<CalmCodes>& out) {
  std::set<std::string> known;
  for (const Node& node : list) {
    const Fields fields(context, node, {"systems", "codes", "without-system"});
    CalmCodes calm;
    calm.systems = read_all(context, fields, "systems");
    calm.codes = read_all(context, fields, "codes");
    calm.without_system = fields.flag("without-system");
    for (const std::string& system : calm.systems) {
      if (!is_address(system)) {
        context.report(*fields.find("systems"), "MF-2014",
                       fmt::format("`{}` is no address of a code system", system));
      } else if (!known.insert(system).second) {
        context.report(*fields.find("systems"), "MF-2013",
                       fmt::format("code system `{}` stands twice", system));
      }
    }
    out.push_back(std::move(calm));
  }
}

void read_calm(Context& context, const Node& node) {
  Calm& calm = context.knowledge.bindings.calm;
  const Fields fields(context, node,
                      {"visits", "visit-names", "priorities", "conditions", "results", "marks",
                       "findings", "denials", "normal", "normal-words"});
  calm.visit_names = read_words(context, fields, "visit-names");
  calm.conditions = read_words(context, fields, "conditions");
  calm.results = read_words(context, fields, "results");
  if (const Node* marks = fields.find("marks")) {
    calm.marks = context.texts(*marks);
  }
  calm.findings = read_words(context, fields, "findings");
  calm.denials = read_words(context, fields, "denials");
  read_calm_codes(context, fields.list_if("visits"), calm.visits);
  read_calm_codes(context, fields.list_if("priorities"), calm.priorities);
  read_calm_codes(context, fields.list_if("normal"), calm.normal);
  calm.normal_words = read_words(context, fields, "normal-words");
}

}  // namespace

void read_bindings(Context& context, const Node& root) {
  Bindings& bindings = context.knowledge.bindings;
  const Fields fields(context, root,
                      {"medicine-classes", "conditions", "labs", "sex", "pregnancy",
                       "pregnancy-status", "cautions", "calm", "forms"});
  read_option_bindings(context, fields.list("medicine-classes"), "option", bindings.medicines,
                       bindings.medicine_classes);
  read_option_bindings(context, fields.list("conditions"), "option", bindings.conditions,
                       bindings.condition_list);
  read_option_bindings(context, fields.list_if("pregnancy"), "option", bindings.pregnancy,
                       bindings.pregnancies);
  read_option_bindings(context, fields.list_if("sex"), "option", bindings.sex, bindings.sexes);
  if (const Node* status = fields.find("pregnancy-status")) {
    read_pregnancy_status(context, *status);
  }
  const auto labs = fields.list_of("labs", context.labs);
  for (const Node& node : labs.first(std::min(labs.size(), kMaxLabs))) {
    read_lab(context, node);
  }
  for (const Node& node : fields.list_if("cautions")) {
    read_caution(context, node);
  }
  if (const Node* calm = fields.find("calm")) {
    read_calm(context, *calm);
  }
  read_forms(context, fields.list_if("forms"));
  if (labs.size() > kMaxLabs) {
    context.labs.complete = false;
    context.report(labs[kMaxLabs], "MF-2022",
                   fmt::format("there are at most {} laboratory values", kMaxLabs));
  }
}

}  // namespace myoflag::rules::loading
