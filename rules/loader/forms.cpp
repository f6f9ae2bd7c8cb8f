// The section `forms` of bindings.yaml: other forms, and how answers to them are read.
#include <algorithm>

#include <fmt/format.h>

#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

constexpr std::size_t kMaxForms = 50;

using Question = OtherForm::Question;
using Value = OtherForm::Value;

std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

// Of our questions: answered, left out on purpose, or neither.
struct Said {
  std::array<bool, kMaxItems> answered{}, not_asked{};
};

class FormReader {
 public:
  explicit FormReader(Context& context) : context_(context) {}

  void read(const Node& node) {
    const Fields fields(context_, node,
                        {"questionnaire", "version", "title", "questions", "not-asked", "ignored"});
    form_.url = fields.text("questionnaire");
    form_.version = fields.text("version");
    form_.title = fields.text("title");
    check_canonical(fields);
    for (const Node& question : fields.list("questions")) {
      read_question(question);
    }
    for (const Node& question : fields.list_if("ignored")) {
      read_ignored(question);
    }
    for (const Node& item : fields.list_if("not-asked")) {
      read_not_asked(item);
    }
    check_required(fields);
    context_.knowledge.other_forms.push_back(std::move(form_));
  }

 private:
  const Item& item(int index) const { return context_.knowledge.items[index_of(index)]; }

  void check_canonical(const Fields& fields) {
    const Node* url = fields.find("questionnaire");
    const Knowledge& knowledge = context_.knowledge;
    if (url == nullptr || form_.url.empty()) {
      return;
    }
    const bool absolute = form_.url.starts_with("http://") || form_.url.starts_with("https://") ||
                          form_.url.starts_with("urn:");
    if (!absolute || form_.url.find_first_of("|# ") != std::string::npos) {
      context_.report(*url, "MF-2014",
                      "expected a canonical without version: http://, https:// or urn:");
    }
    if (form_.url == knowledge.form_url() && form_.version == knowledge.version) {
      context_.report(*url, "MF-2061", "this is our own form in its present version");
    }
    if (!form_.version.empty() && knowledge.other_form(form_.url, form_.version) != nullptr) {
      context_.report(*url, "MF-2020",
                      fmt::format("the form `{}` of this version is bound twice", form_.url));
    }
  }

  // Empty after a problem.
  std::string new_link_id(const Fields& fields) {
    const Node* node = fields.find("linkId");
    std::string link_id = fields.text("linkId");
    if (node != nullptr && !link_id.empty() && form_.question(link_id) != nullptr) {
      context_.report(*node, "MF-2020", fmt::format("linkId `{}` stands twice", link_id));
    }
    return link_id;
  }

  void read_ignored(const Node& node) {
    const Fields fields(context_, node, {"linkId", "reason"});
    Question question;
    question.link_id = new_link_id(fields);
    question.reason = fields.text("reason");
    form_.questions.push_back(std::move(question));
  }

  void read_question(const Node& node) {
    const Fields fields(context_, node,
                        {"linkId", "answers", "values", "not-offered", "unit", "factor"});
    Question question;
    question.link_id = new_link_id(fields);
    question.factor = whole(1);
    const Node* answers = fields.need("answers");
    question.item = answers != nullptr ? context_.find(context_.items, *answers) : -1;
    if (question.item >= 0 && context_.untyped.contains(question.item)) {
      said_.answered[index_of(question.item)] = true;
    } else if (question.item >= 0) {
      claim(*answers, question.item);
      read_values(fields, question);
      read_unit(fields, question);
      form_.questions.push_back(std::move(question));
    }
  }

  // Two questions for one of ours could contradict each other, and each would be a part only.
  void claim(const Node& at, int index) {
    if (item(index).type == ItemType::group || item(index).type == ItemType::display) {
      context_.report(at, "MF-2030", fmt::format("`{}` is no question", item(index).link_id));
    }
    if (said_.answered[index_of(index)]) {
      context_.report(at, "MF-2020",
                      fmt::format("question `{}` is answered twice", item(index).link_id));
    }
    said_.answered[index_of(index)] = true;
  }

  void read_values(const Fields& fields, Question& question) {
    const Item& ours = item(question.item);
    for (const auto* key : {"values", "not-offered"}) {
      const Node* node = fields.find(key);
      if (node != nullptr && ours.type != ItemType::choice) {
        context_.report(*node, "MF-2030", fmt::format("`{}` is for choices only", key));
      }
    }
    if (ours.type != ItemType::choice) {
      return;
    }
    std::uint64_t offered = 0;
    for (const Node& node : fields.list("values")) {
      read_value(node, ours, question, offered);
    }
    check_offered(fields, ours, offered, question);
  }

  void read_value(const Node& node, const Item& ours, Question& question, std::uint64_t& offered) {
    const Fields fields(context_, node, {"system", "code", "text", "boolean", "option"});
    Value value;
    if (const Node* flag = fields.find("boolean")) {
      value.kind = Value::Kind::boolean;
      value.value = context_.flag(*flag).value_or(false) ? "true" : "false";
    } else if (fields.find("text") != nullptr) {
      value.kind = Value::Kind::text;
      value.value = fields.text("text");
    } else {
      value.system = fields.text("system");
      value.value = fields.text("code");
    }
    check_one_kind(fields);
    const auto same = [&](const Value& known) {
      return known.kind == value.kind && known.system == value.system && known.value == value.value;
    };
    if (std::any_of(question.values.begin(), question.values.end(), same)) {
      context_.report(node, "MF-2020", "this value stands twice");
    }
    if (const Node* option = fields.need("option")) {
      std::uint64_t mask = 0;
      context_.options_into(ours, *option, mask);
      offered |= mask;
      value.option = mask != 0 ? ours.option(*context_.text(*option)) : -1;
    }
    question.values.push_back(std::move(value));
  }

  void check_one_kind(const Fields& fields) {
    const bool coding = fields.find("system") != nullptr || fields.find("code") != nullptr;
    const int kinds = (coding ? 1 : 0) + (fields.find("text") != nullptr ? 1 : 0) +
                      (fields.find("boolean") != nullptr ? 1 : 0);
    if (kinds > 1) {
      context_.report(fields.node(), "MF-2030",
                      "a value is a coding (system and code), a text or a boolean");
    }
  }

  // An option that the other form does not offer would read as "no" where nobody ticked it. Of a
  // question with one answer, the one that was given excludes the others.
  void check_offered(const Fields& fields, const Item& ours, std::uint64_t offered,
                     Question& question) {
    const Node* list = fields.find("not-offered");
    const std::uint64_t named = list != nullptr ? context_.options(ours, *list) : 0;
    question.partial = named != 0;
    if (list != nullptr && !ours.repeats) {
      context_.report(*list, "MF-2030", "`not-offered` is for questions with several answers");
    }
    if ((named & offered) != 0) {
      context_.report(*list, "MF-2062", "an option stands here and in `values`");
    }
    const std::uint64_t forgotten = ours.positive() & ~(offered | named);
    if (ours.repeats && forgotten != 0) {
      std::vector<std::string> codes;
      for (std::size_t i = 0; i < ours.options.size(); ++i) {
        if ((forgotten >> i & 1U) != 0) {
          codes.push_back(ours.options[i].code);
        }
      }
      context_.report(
          fields.node(), "MF-2062",
          fmt::format("no value means these options of `{}`, and `not-offered` does not "
                      "name them: {}",
                      ours.link_id, fmt::join(codes, ", ")));
    }
  }

  void read_unit(const Fields& fields, Question& question) {
    const Item& ours = item(question.item);
    for (const auto* key : {"unit", "factor"}) {
      const Node* node = fields.find(key);
      if (node != nullptr && !ours.is_numeric()) {
        context_.report(*node, "MF-2030", fmt::format("`{}` is for numbers only", key));
        return;
      }
    }
    question.unit = fields.text_if("unit");
    const Node* factor = fields.find("factor");
    if (factor == nullptr) {
      const bool same = question.unit.empty() || question.unit == ours.unit;
      if (!same) {
        context_.report(
            *fields.find("unit"), "MF-2062",
            fmt::format("the unit of `{}` is another, so a factor is needed", ours.link_id));
      }
      return;
    }
    if (question.unit.empty()) {
      context_.report(*factor, "MF-2011", "a factor needs the `unit` it converts from");
    }
    question.factor = context_.number(*factor).value_or(whole(1));
    if (question.factor <= Number{}) {
      context_.report(*factor, "MF-2015", "a factor is above zero");
    }
  }

  void read_not_asked(const Node& node) {
    const int index = context_.find(context_.items, node);
    if (index < 0) {
      return;
    }
    if (said_.answered[index_of(index)] || said_.not_asked[index_of(index)]) {
      context_.report(node, "MF-2020",
                      fmt::format("question `{}` stands twice", item(index).link_id));
    }
    said_.not_asked[index_of(index)] = true;
  }

  // A required question must not be forgotten: that the other form does not ask it is said.
  void check_required(const Fields& fields) {
    const auto& items = context_.knowledge.items;
    std::vector<std::string> forgotten;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].required && !said_.answered[i] && !said_.not_asked[i]) {
        forgotten.push_back(items[i].link_id);
      }
    }
    if (!forgotten.empty() && context_.items.complete && fields.is_map()) {
      context_.report(fields.node(), "MF-2062",
                      fmt::format("these required questions are neither answered nor named in "
                                  "`not-asked`: {}",
                                  fmt::join(forgotten, ", ")));
    }
  }

  Context& context_;
  OtherForm form_;
  Said said_;
};

}  // namespace

void read_forms(Context& context, std::span<const Node> list) {
  context.knowledge.other_forms.reserve(std::min(list.size(), kMaxForms));
  for (const Node& node : list.first(std::min(list.size(), kMaxForms))) {
    FormReader(context).read(node);
  }
  if (list.size() > kMaxForms) {
    context.report(list[kMaxForms], "MF-2022",
                   fmt::format("there are at most {} other forms", kMaxForms));
  }
}

}  // namespace myoflag::rules::loading
