// bindings.yaml
#include <algorithm>

#include <fmt/format.h>

#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
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
  if (const Node* text = fields.find("text")) {
    for (auto& words : context.texts(*text)) {
      binding.text.push_back(lower(std::move(words)));
    }
  }
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
  const Fields fields(context, node, {"name", "title", "codes", "unit", "convert", "relative"});
  LabBinding lab;
  lab.name = fields.id("name");
  lab.title = fields.text("title");
  lab.codes = context.codings(fields.need("codes"));
  lab.relative_to_upper_limit =
      fields.find("relative") != nullptr && fields.word("relative", {"upper-limit"}) == 0;
  lab.unit = lab.relative_to_upper_limit ? fields.text_if("unit") : fields.text("unit");
  for (const Node& entry : fields.list_if("convert")) {
    const Fields convert(context, entry, {"unit", "factor"});
    LabBinding::Conversion conversion;
    conversion.unit = convert.text("unit");
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

void read_caution(Context& context, const Node& node) {
  const Fields fields(context, node, {"caution", "label", "codes", "prefixes", "except", "text"});
  CodeBinding binding = read_matches(context, fields);
  if (fields.word("caution", {"mri", "emg"}) >= 0) {
    binding.caution = fields.text("caution");
  }
  binding.label = fields.text("label");
  context.knowledge.bindings.cautions.push_back(std::move(binding));
}

}  // namespace

void read_bindings(Context& context, const Node& root) {
  Bindings& bindings = context.knowledge.bindings;
  const Fields fields(context, root,
                      {"medicine-classes", "conditions", "labs", "sex", "pregnancy", "cautions"});
  read_option_bindings(context, fields.list("medicine-classes"), "option", bindings.medicines,
                       bindings.medicine_classes);
  read_option_bindings(context, fields.list("conditions"), "option", bindings.conditions,
                       bindings.condition_list);
  read_option_bindings(context, fields.list_if("pregnancy"), "option", bindings.pregnancy,
                       bindings.pregnancies);
  read_option_bindings(context, fields.list_if("sex"), "option", bindings.sex, bindings.sexes);
  const auto labs = fields.list_of("labs", context.labs);
  for (const Node& node : labs.first(std::min(labs.size(), kMaxLabs))) {
    read_lab(context, node);
  }
  for (const Node& node : fields.list_if("cautions")) {
    read_caution(context, node);
  }
  if (labs.size() > kMaxLabs) {
    context.labs.complete = false;
    context.report(labs[kMaxLabs], "MF-2022",
                   fmt::format("there are at most {} laboratory values", kMaxLabs));
  }
}

}  // namespace myoflag::rules::loading
