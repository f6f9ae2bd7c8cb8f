#include "plugin/mapping/quick_pieces.h"

#include <algorithm>
#include <functional>
#include <memory>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/device.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/observations.h"
#include "plugin/mapping/service_requests.h"
#include "plugin/mapping/standing_alone.h"

namespace myoflag::mapping {
namespace {

using fhir::Json;
using rules::Finding;
using rules::FindingStatus;
using rules::ItemState;
using rules::Knowledge;

constexpr std::int64_t kNumber = 987'654'321;
constexpr std::string_view kNumberMark = "987654321";
constexpr std::string_view kResponse = "QuestionnaireResponse/~response~";

std::string member(std::string_view name, const Json& value) {
  return fmt::format("\"{}\":{},", name, fhir::write_json(value));
}

bool holds_mark(std::string_view text) {
  constexpr std::string_view marks[] = {"~subject~",   "~encounter~", "~authored~", "~issued~",
                                        "~evaluated~", "~performer~", "~response~", "~author~",
                                        "~source~",    "~notice~"};
  return std::any_of(std::begin(marks), std::end(marks), [text](std::string_view mark) {
    return text.find(mark) != std::string_view::npos;
  });
}

// The invented patient, and what the careful way writes about him.
class Maker {
 public:
  explicit Maker(const rules::KnowledgePtr& knowledge) : knowledge_(knowledge) {}

  Pieces run() {
    out_.usable = true;
    make_items();
    make_rules();
    make_workups();
    make_targets();
    make_tiers();
    make_whole();
    return std::move(out_);
  }

 private:
  const Knowledge& known() const { return *knowledge_; }

  static Json response_of_nobody() {
    return Json::object({{"resourceType", "QuestionnaireResponse"},
                         {"id", "x"},
                         {"status", "completed"},
                         {"subject", reference_to("Patient/~subject~")},
                         {"author", reference_to("Patient/~author~")},
                         {"source", reference_to("Patient/~source~")}});
  }

  rules::Assessment assessment(rules::EvaluationInput input = {}) const {
    rules::Assessment one;
    one.knowledge = knowledge_;
    one.input = std::make_shared<const rules::EvaluationInput>(std::move(input));
    return one;
  }

  Frame frame(const rules::Assessment& one) const {
    Json subject = reference_to("Patient/~subject~");
    return {one,
            known(),
            response_,
            ids_,
            subject,
            reference_to("Encounter/~encounter~"),
            reference_to("Patient/~performer~"),
            Json::array(),
            Json::array(),
            "~authored~",
            "~issued~",
            "~evaluated~",
            std::string(kResponse),
            "Device/" + fhir::to_string(ids_.device(software_version())),
            {}};
  }

  static Json alone(Json entry) {
    Json bundle = Json::object({{"entry", Json::array({std::move(entry)})}});
    return standing_alone(std::move(bundle)).front();
  }

  std::optional<Template> cut(const Json& resource, Marks marks, std::string_view end = {}) {
    marks.emplace_back(std::string(resource.string_of("id")), Hole::id);
    auto text = fhir::write_json(resource);
    if (!text.ends_with(end)) {
      out_.usable = false;
      return std::nullopt;
    }
    text.resize(text.size() - end.size());
    return cut_text(text, marks);
  }

  std::optional<Template> cut_text(std::string_view text, const Marks& marks) {
    auto made = Template::cut(text, marks);
    out_.usable = out_.usable && made.has_value();
    return made;
  }

  // ---- where a patient and his times stand

  static std::pair<std::string, Hole> about() {
    return {R"("subject":{"reference":"Patient/~subject~"},)"
            R"("encounter":{"reference":"Encounter/~encounter~"},)",
            Hole::head};
  }
  static std::pair<std::string, Hole> answer_head() {
    auto head = about();
    head.first += R"("effectiveDateTime":"~authored~","issued":"~issued~",)"
                  R"("performer":[{"reference":"Patient/~performer~"}],)";
    return head;
  }
  static std::pair<std::string, Hole> result_head() {
    auto head = about();
    head.first += R"("effectiveDateTime":"~authored~","issued":"~evaluated~",)";
    return head;
  }
  static std::pair<std::string, Hole> request_head() {
    auto head = about();
    head.first += R"("authoredOn":"~evaluated~",)";
    return head;
  }
  static std::pair<std::string, Hole> response_mark() { return {"~response~", Hole::response}; }

  // ---- questions and answers

  void make_items() {
    rules::EvaluationInput input;
    for (std::size_t i = 0; i < known().items.size(); ++i) {
      input.facts.answers.state[i] = ItemState::answered;
      input.facts.answers.chosen[i] = known().items[i].all;
      input.facts.answers.number[i] = rules::whole(kNumber);
    }
    const auto one = assessment(std::move(input));
    auto all = frame(one);
    auto entries = answer_entries(all);
    auto next = entries.begin();
    for (std::size_t i = 0; i < known().items.size(); ++i) {
      const auto& item = known().items[i];
      ItemPieces made;
      made.link_id = quoted(item.link_id);
      made.open_text = fmt::format("{{\"linkId\":{},\"text\":{}", made.link_id, quoted(item.text));
      if (item.is_numeric()) {
        made.number =
            cut(alone(std::move(*next++)),
                {answer_head(), response_mark(), {std::string(kNumberMark), Hole::number}});
        made.number_name = name_of({item.link_id, ""});
        made.number_member =
            item.type == rules::ItemType::integer ? "valueInteger" : "valueDecimal";
      }
      for (const auto& option : item.options) {
        OptionPieces piece = option_pieces(item, option);
        piece.answer =
            cut(alone(std::move(*next++)), {answer_head(), response_mark()}).value_or(Template());
        made.options.push_back(std::move(piece));
      }
      add_components(i, made);
      out_.items.push_back(std::move(made));
    }
    out_.usable = out_.usable && next == entries.end();
  }

  OptionPieces option_pieces(const rules::Item& item, const rules::Option& option) const {
    OptionPieces piece;
    const auto coding = answer_coding(known(), item, option);
    const auto system = quoted(coding.string_of("system"));
    const auto code = quoted(coding.string_of("code"));
    piece.name = name_of({item.link_id, option.code});
    piece.plain = fmt::format(R"({{"valueCoding":{{"system":{},"code":{}}}}})", system, code);
    piece.worded = fmt::format(R"({{"valueCoding":{{"system":{},"code":{},"display":{}}}}})",
                               system, code, quoted(option.text));
    piece.canonical = fmt::format("{{valueCoding:{{code:{},system:{},}},}},", code, system);
    piece.code = quoted(option.code);
    return piece;
  }

  // Any rule: its components do not depend on it.
  Json components(rules::EvaluationInput input, Finding finding) const {
    finding.rule = &known().rules.front();
    finding.status = FindingStatus::fired;
    auto one = assessment(std::move(input));
    one.findings.push_back(std::move(finding));
    const auto entries = flag_entries(frame(one));
    const auto* found = entries.front().find("resource")->find("component");
    return found == nullptr ? Json::array() : *found;
  }

  void add_components(std::size_t index, ItemPieces& made) {
    const auto& item = known().items[index];
    rules::Evidence evidence;
    evidence.item = &item;
    evidence.options = item.all;
    if (item.is_numeric()) {
      evidence.number = rules::whole(kNumber);
    }
    Finding finding;
    finding.because.push_back(std::move(evidence));
    const auto list = components({}, std::move(finding));
    const auto& parts = *list.as_array();
    const auto expected = item.options.size() + (item.is_numeric() ? 1 : 0);
    if (parts.size() != expected) {
      out_.usable = false;
      return;
    }
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      made.options[i].component = fhir::write_json(parts[i]);
    }
    if (item.is_numeric()) {
      made.number_component =
          cut_text(fhir::write_json(parts.back()), {{std::string(kNumberMark), Hole::number}});
    }
    add_missing(index, made);
  }

  void add_missing(std::size_t index, ItemPieces& made) {
    const auto& item = known().items[index];
    for (std::size_t reason = 0; reason < made.missing.size(); ++reason) {
      rules::EvaluationInput input;
      auto& answers = input.facts.answers;
      answers.state[index] = reason == 0   ? ItemState::not_asked
                             : reason == 3 ? ItemState::skipped
                                           : ItemState::answered;
      answers.chosen[index] = reason == 1 ? item.declined : 0;
      Finding finding;
      finding.missing.push_back(&item);
      made.missing[reason] =
          fhir::write_json(components(std::move(input), std::move(finding)).as_array()->front());
    }
  }

  // ---- red flags

  void make_rules() {
    for (const auto& rule : known().rules) {
      out_.rules.push_back(rule_pieces(rule));
    }
    for (const auto& rule : known().gaps) {
      out_.gaps.push_back(rule_pieces(rule));
    }
  }

  RulePieces rule_pieces(const rules::Rule& rule) {
    RulePieces made;
    made.name = name_of({"flag", rule.id});
    made.id = quoted(rule.id);
    made.shown_as = fmt::format("\",\"display\":{}}}", quoted(rule.title));
    append_escaped(fmt::format("{} ({})", rule.title, rule.id), made.words);
    for (const int item : items_read(known(), rule)) {
      if (item >= 0) {
        made.reads.add(static_cast<std::size_t>(item));
      }
    }
    for (const auto status : {FindingStatus::fired, FindingStatus::not_excluded,
                              FindingStatus::excluded, FindingStatus::not_applicable}) {
      auto one = assessment();
      one.findings.push_back(finding(rule, status));
      auto entries = flag_entries(frame(one));
      if (!entries.empty()) {
        made.flag[static_cast<std::size_t>(status)] =
            cut(alone(std::move(entries.front())), {result_head(), response_mark()}, "}]}");
      }
    }
    return made;
  }

  static Finding finding(const rules::Rule& rule, FindingStatus status) {
    Finding one;
    one.rule = &rule;
    one.status = status;
    one.tier = rule.tier;
    return one;
  }

  // ---- proposals

  void make_workups() {
    for (const auto& workup : known().workups) {
      WorkupPieces made;
      made.name = name_of({"workup", workup.code});
      made.code = quoted(workup.code);
      for (const auto tier : rules::kTiers) {
        made.request[static_cast<std::size_t>(tier)] = request(workup, tier);
      }
      out_.workups.push_back(std::move(made));
    }
  }

  std::optional<Template> request(const rules::Workup& workup, rules::Tier tier) {
    rules::WorkupRow row;
    row.workup = &workup;
    row.tier = tier;
    row.because.push_back(&known().rules.front());
    for (const auto& note : workup.notes) {
      if (note.caution.empty()) {
        row.notes.push_back(note.text);
      }
    }
    auto one = assessment();
    one.workups.push_back(std::move(row));
    const Json made = alone(std::move(service_request_entries(frame(one)).front()));
    const auto& notes = made.array_of("note");
    return cut(made, {request_head(),
                      response_mark(),
                      {member("reasonReference", *made.find("reasonReference")), Hole::reasons},
                      {fhir::write_json(notes.front()), Hole::reason}});
  }

  // ---- the tier

  void add_target(const rules::Target& target) {
    auto one = assessment();
    one.target = target;
    const Json entry = tier_entry(frame(one));
    out_.targets.push_back(
        {&target, fhir::write_json(entry.find("resource")->array_of("component").front()),
         target.hours ? fmt::to_string(*target.hours) : "null", quoted(target.text)});
  }

  void make_targets() {
    for (const auto* list : {&known().rules, &known().gaps}) {
      for (const auto& rule : *list) {
        add_target(rule.target);
        for (const auto& when : rule.target_when) {
          add_target(when.target);
        }
      }
    }
    add_target(rules::no_target());
    std::sort(out_.targets.begin(), out_.targets.end(),
              [](const auto& a, const auto& b) { return std::less<>()(a.target, b.target); });
  }

  void make_tiers() {
    const auto* flag = &known().rules.front();
    for (const auto tier : rules::kTiers) {
      auto one = assessment();
      one.tier = tier;
      one.findings.push_back(finding(*flag, FindingStatus::fired));
      one.notices.push_back({rules::Notice::Kind::free_text, "~notice~"});
      const Json made = alone(tier_entry(frame(one)));
      out_.tiers[static_cast<std::size_t>(tier)] =
          cut(made, {result_head(),
                     response_mark(),
                     {member("note", *made.find("note")), Hole::notes},
                     {member("hasMember", *made.find("hasMember")), Hole::members},
                     {fhir::write_json(made.array_of("component").front()), Hole::target}});
    }
  }

  // ---- program, response, where it all comes from

  void make_whole() {
    rules::EvaluationInput input;
    input.now = rules::Instant(std::chrono::seconds(kNumber));
    const auto evaluated = fhir::instant_text(input.now);
    auto one = assessment(std::move(input));
    one.findings.push_back(finding(known().rules.front(), FindingStatus::fired));
    const auto all = standing_alone(transaction_bundle(one, response_, {}, {{}, {}, {}, false}));
    const auto id_of = [&all](std::size_t at) { return std::string(all[at].string_of("id")); };
    out_.device_line = fhir::write_json(all[0]) + "\n";
    make_identifier(*all[1].find("identifier"), id_of(1));
    append_escaped(fmt::format("{} {}", known().id, known().version), out_.knowledge_words);
    const Json& provenance = all.back();
    const auto& agents = provenance.array_of("agent");
    if (agents.size() != 3) {
      out_.usable = false;
      return;
    }
    make_agents(agents);
    out_.provenance = cut(
        provenance,
        {{member("target", *provenance.find("target")), Hole::targets},
         {evaluated, Hole::evaluated},
         {id_of(1), Hole::response},
         {"," + fhir::write_json(agents[1]) + "," + fhir::write_json(agents[2]), Hole::agents}});
  }

  void make_identifier(const Json& identifier, const std::string& id) {
    const auto text = ",\"identifier\":" + fhir::write_json(identifier);
    const auto at = text.find(id);
    out_.usable = out_.usable && at != std::string::npos;
    out_.identifier_begin = text.substr(0, at);
    out_.identifier_end = at == std::string::npos ? "" : text.substr(at + id.size());
  }

  void make_agents(const Json::Array& agents) {
    const auto make = [this](const Json& agent, std::string_view mark) {
      const auto text = "," + fhir::write_json(agent);
      const auto at = text.find(mark);
      out_.usable = out_.usable && at != std::string::npos;
      return at == std::string::npos ? std::pair<std::string, std::string>()
                                     : std::pair(text.substr(0, at), text.substr(at + mark.size()));
    };
    out_.author = make(agents[1], "Patient/~author~");
    out_.source = make(agents[2], "Patient/~source~");
  }

  const rules::KnowledgePtr& knowledge_;
  const Json response_ = response_of_nobody();
  const Identifiers ids_{assessment(), response_, response_, {}, "", ""};  // some; marked as holes
  Pieces out_;
};

}  // namespace

std::optional<Template> Template::cut(std::string_view text, const Marks& marks) {
  Template made;
  std::vector<int> met(marks.size(), 0);
  for (;;) {
    std::size_t first = std::string_view::npos;
    std::size_t which = 0;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const auto at = text.find(marks[i].first);
      if (at < first) {
        first = at;
        which = i;
      }
    }
    if (first == std::string_view::npos) {
      break;
    }
    ++met[which];
    made.parts.emplace_back(text.substr(0, first), marks[which].second);
    text.remove_prefix(first + marks[which].first.size());
  }
  made.last = text;
  // A mark that also stands in a text of the knowledge is none.
  bool each_once = true;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    each_once = each_once && met[i] == (marks[i].second == Hole::id ? 2 : 1);
  }
  const bool whole = each_once && !holds_mark(made.last) &&
                     std::none_of(made.parts.begin(), made.parts.end(),
                                  [](const auto& part) { return holds_mark(part.first); });
  return whole ? std::optional(std::move(made)) : std::nullopt;
}

void append_escaped(std::string_view text, std::string& out) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
  });
  if (plain) {
    out += text;
  } else {
    const auto whole = fhir::write_json(Json(text));
    out += std::string_view(whole).substr(1, whole.size() - 2);
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_escaped(text, out);
  return out + "\"";
}

Pieces make_pieces(const rules::KnowledgePtr& knowledge) {
  // What the marks stand on: at least one rule that is always written.
  if (knowledge->rules.empty() || knowledge->rules.front().kind != rules::Rule::Kind::rule) {
    return {};
  }
  return Maker(knowledge).run();
}

}  // namespace myoflag::mapping
