#include "plugin/mapping/quick_resources.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

#include "fhir/datetime.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/fast_answers.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/quick_pieces.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/rule_codes.h"
#include "rules/settle.h"

namespace myoflag::mapping {
namespace {

using rules::FindingStatus;
using rules::ItemState;
using rules::QuickAssessment;
using rules::QuickFinding;
using Member = FastMember::Kind;
using Piece = FastPiece::Kind;
using Id = std::array<char, 36>;

std::string_view text_of(const Id& id) { return {id.data(), id.size()}; }

Id id_of(const fhir::Uuid& uuid) {
  Id id;
  fhir::write_text(uuid, id.data());
  return id;
}

void append(std::string& out, std::initializer_list<std::string_view> parts) {
  for (const auto part : parts) {
    out += part;
  }
}

// "7:subject;" as name_of.
void append_part(std::string_view part, std::string& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), part.size()).ptr;
  append(out, {{digits.data(), static_cast<std::size_t>(end - digits.data())}, ":", part, ";"});
}

template <typename Fill>
void fill(const Template& made, std::string& out, const Fill& hole) {
  for (const auto& [text, kind] : made.parts) {
    out += text;
    hole(kind);
  }
  out += made.last;
}

// Commas between the elements of a list.
class Commas {
 public:
  explicit Commas(std::string& out) : out_(out) {}
  void next() {
    if (!first_) {
      out_ += ',';
    }
    first_ = false;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace

struct QuickForms::Parts {
  explicit Parts(rules::KnowledgePtr owner)
      : knowledge(std::move(owner)),
        fast(knowledge),
        rules(knowledge),
        pieces(make_pieces(knowledge)),
        name_space(fhir::uuid_v5(fhir::uuid_namespace_url, knowledge->canonical)),
        form(name_of({knowledge->id, knowledge->version})),
        canonical(questionnaire_canonical(*knowledge)) {}

  rules::KnowledgePtr knowledge;
  FastForm fast;
  rules::QuickRules rules;
  Pieces pieces;
  fhir::Uuid name_space;
  std::string form, canonical;
};

QuickForms::QuickForms(rules::KnowledgePtr knowledge)
    : parts_(std::make_unique<const Parts>(std::move(knowledge))) {}
QuickForms::~QuickForms() = default;
QuickForms::QuickForms(QuickForms&&) noexcept = default;

struct QuickDesk::State {
  State(const QuickForms::Parts& forms, const QuickOptions& how)
      : parts(forms),
        knowledge(*forms.knowledge),
        pieces(forms.pieces),
        options(how),
        evaluated(fhir::instant_text(how.now)),
        reader(forms.fast, how.limits) {
    input.now = how.now;
    input.batch = how.batch;
    input.response.questionnaire = forms.canonical;
  }

  const QuickForms::Parts& parts;
  const rules::Knowledge& knowledge;
  const Pieces& pieces;
  const QuickOptions options;
  const std::string evaluated;
  FastReader reader;
  FastResponse response;
  rules::EvaluationInput input;
  QuickAssessment assessment;

  // Of the response at hand.
  std::string_view author, source, encounter;              // references, may be empty
  std::array<std::string_view, rules::kMaxItems> numbers;  // as written
  std::string text;                                        // scratch
  std::string content, outcome;                            // digests
  Id response_id{}, provenance_id{};
  std::string answer_head, result_head, request_head;
  struct Answer {
    std::size_t item = 0;
    Id id{};
  };
  std::vector<Answer> answers;
  std::vector<Id> flags;             // of the findings that are written, in their order
  std::vector<std::size_t> flag_of;  // by rule, then gap: index into flags
  std::vector<Id> requests;

  // ---- reading and judging

  bool judge(std::string_view json) {
    return pieces.usable && reader.read(json, response) && response.is_usual && take_members() &&
           take_answers() && parts.rules.assess(input, assessment);
  }

  bool take_members() {
    author = source = encounter = {};
    for (const auto& member : response.members) {
      if (member.kind == Member::author) {
        author = member.text;
      } else if (member.kind == Member::source) {
        source = member.text;
      } else if (member.kind == Member::encounter) {
        encounter = member.text;
      }
    }
    const auto authored = moment_of(response.authored);
    if (!authored || *authored > options.now + fhir::clock_skew ||
        !fhir::parse_instant(response.authored) || response.subject.empty()) {
      return false;
    }
    auto& info = input.response;
    info.id = response.id;
    info.subject = response.subject;
    info.authored_text = response.authored;
    info.authored = authored;
    info.language = response.language;
    return true;
  }

  bool take_answers() {
    numbers.fill({});
    for (const auto& piece : response.pieces) {
      if (piece.kind == Piece::number) {
        auto& number = numbers[static_cast<std::size_t>(piece.item)];
        if (!number.empty()) {
          return false;
        }
        number = piece.text;
      }
    }
    auto settled = rules::settle(knowledge, response.given);
    if (!settled.set_aside.empty()) {
      return false;
    }
    input.facts = settled.facts;
    input.free_text = response.free_text;
    bool answered = !input.free_text.empty();
    for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
      const auto state = input.facts.answers.state[i];
      const auto type = knowledge.items[i].type;
      const bool open = state == ItemState::skipped && knowledge.items[i].required &&
                        type != rules::ItemType::group && type != rules::ItemType::display;
      if (open || state == ItemState::invalid) {
        return false;
      }
      answered = answered || state == ItemState::answered;
    }
    return answered;
  }

  // ---- the response as it is sent, and what its digest is taken of

  void write_items(std::string& out) {
    bool first = true;
    out += '[';
    for (const auto& piece : response.pieces) {
      if (piece.kind == Piece::end) {
        out += "]}";
        first = false;
        continue;
      }
      if (!first) {
        out += ',';
      }
      const auto& item = pieces.items[static_cast<std::size_t>(piece.item)];
      if (piece.kind == Piece::group || piece.kind == Piece::question) {
        out += item.open_text;
        out += piece.kind == Piece::group ? ",\"item\":[" : ",\"answer\":[";
        first = true;
        continue;
      }
      first = false;
      write_answer(piece, item, out);
    }
    out += ']';
  }

  static void write_answer(const FastPiece& piece, const ItemPieces& item, std::string& out) {
    if (piece.kind == Piece::option) {
      const auto& option = item.options[static_cast<std::size_t>(piece.option)];
      out += piece.is_worded ? option.worded : option.plain;
    } else if (piece.kind == Piece::number) {
      append(out, {"{\"", item.number_member, "\":", piece.text, "}"});
    } else {
      out += "{\"valueString\":\"";
      append_escaped(piece.text, out);
      out += "\"}";
    }
  }

  void write_response(std::string& out) {
    append(out, {R"({"resourceType":"QuestionnaireResponse","id":")", text_of(response_id), "\""});
    bool is_identified = false;
    for (const auto& member : response.members) {
      if (!is_identified && member.kind >= Member::questionnaire) {
        append(out, {pieces.identifier_begin, text_of(response_id), pieces.identifier_end});
        is_identified = true;
      }
      write_member(member, out);
    }
    out += "}\n";
  }

  void write_member(const FastMember& member, std::string& out) {
    const auto write = [&](std::string_view before, std::string_view after) {
      out += before;
      append_escaped(member.text, out);
      out += after;
    };
    switch (member.kind) {
      case Member::questionnaire:
        return write(R"(,"questionnaire":")", "\"");
      case Member::status:
        return write(R"(,"status":")", "\"");
      case Member::authored:
        return write(R"(,"authored":")", "\"");
      case Member::language:
        return write(R"(,"language":")", "\"");
      case Member::subject:
        return write(R"(,"subject":{"reference":")", "\"}");
      case Member::author:
        return write(R"(,"author":{"reference":")", "\"}");
      case Member::source:
        return write(R"(,"source":{"reference":")", "\"}");
      case Member::encounter:
        return write(R"(,"encounter":{"reference":")", "\"}");
      case Member::meta_source:
        return write(R"(,"meta":{"source":")", "\"}");
      case Member::items:
        out += R"(,"item":)";
        write_items(out);
        return;
    }
  }

  // content_digest (identifiers.h).
  void digest_content() {
    text.clear();
    text += '{';
    const auto reference = [this](std::string_view name, std::string_view to) {
      if (!to.empty()) {
        append(text, {name, ":{reference:\""});
        append_escaped(to, text);
        text += "\",},";
      }
    };
    const auto string = [this](std::string_view name, std::string_view value) {
      append(text, {name, ":\""});
      append_escaped(value, text);
      text += "\",";
    };
    reference("author", author);
    string("authored", response.authored);
    reference("encounter", encounter);
    text += "item:[";
    for (const auto& piece : response.pieces) {
      append_canonical(piece);
    }
    text += "],";
    for (const auto& member : response.members) {
      if (member.kind == Member::language) {
        string("language", member.text);
      }
    }
    string("questionnaire", parts.canonical);
    string("resourceType", "QuestionnaireResponse");
    reference("source", source);
    for (const auto& member : response.members) {
      if (member.kind == Member::status) {
        string("status", member.text);
      }
    }
    reference("subject", response.subject);
    text += '}';
    content = sha256_hex(text);
  }

  void append_canonical(const FastPiece& piece) {
    const auto& item = pieces.items[static_cast<std::size_t>(piece.item)];
    switch (piece.kind) {
      case Piece::group:
        text += "{item:[";
        break;
      case Piece::question:
        text += "{answer:[";
        break;
      case Piece::end:
        append(text, {"],linkId:", item.link_id, ",},"});
        break;
      case Piece::option:
        text += item.options[static_cast<std::size_t>(piece.option)].canonical;
        break;
      case Piece::number:
        append(text, {"{", item.number_member, ":", piece.text, ",},"});
        break;
      case Piece::words:
        text += "{valueString:\"";
        append_escaped(piece.text, text);
        text += "\",},";
        break;
    }
  }

  // ---- the outcome as outcome_json (assessment_json.h) writes it

  const TargetPieces& target_pieces(const rules::Target* target) const {
    return *std::lower_bound(
        pieces.targets.begin(), pieces.targets.end(), target,
        [](const auto& row, const auto* wanted) { return std::less<>()(row.target, wanted); });
  }

  const RulePieces& rule_pieces(const rules::Rule* rule) const {
    const auto at = place_of(rule);
    return at < pieces.rules.size() ? pieces.rules[at] : pieces.gaps[at - pieces.rules.size()];
  }

  // By rule, then gap.
  std::size_t place_of(const rules::Rule* rule) const {
    const auto* rules = knowledge.rules.data();
    const std::less<> less;
    const bool is_rule = !less(rule, rules) && less(rule, rules + knowledge.rules.size());
    return is_rule
               ? static_cast<std::size_t>(rule - rules)
               : static_cast<std::size_t>(rule - knowledge.gaps.data()) + knowledge.rules.size();
  }

  void append_rules(const rules::RuleRange& range) {
    Commas commas(text);
    text += '[';
    for (auto i = range.begin; i < range.end; ++i) {
      commas.next();
      text += rule_pieces(assessment.rules[i]).id;
    }
    text += ']';
  }

  void digest_outcome() {
    text.clear();
    const auto& target = target_pieces(assessment.target);
    append(text,
           {R"({"tier":")", rules::code_of(assessment.tier), R"(","targetHours":)", target.hours,
            R"(,"checkFirst":)", assessment.check_first ? "true" : "false", R"(,"findings":[)"});
    Commas findings(text);
    for (const auto& finding : assessment.findings) {
      if (finding.status == FindingStatus::excluded) {
        break;
      }
      if (finding.status != FindingStatus::not_applicable) {
        findings.next();
        append_finding(finding);
      }
    }
    text += R"(],"notApplicable":[)";
    Commas others(text);
    for (const auto& finding : assessment.findings) {
      if (finding.status == FindingStatus::not_applicable) {
        others.next();
        text += rule_pieces(finding.rule).id;
      }
    }
    text += R"(],"workups":[)";
    append_workups();
    text += R"(],"gaps":[)";
    append_gaps();
    text += R"(],"patientAdvice":[)";
    Commas advice(text);
    for (const auto* id : assessment.patient_advice_ids) {
      advice.next();
      text += '"';
      append_escaped(*id, text);
      text += '"';
    }
    text += R"(],"notices":[)";
    append_notices();
    text += "]}";
    outcome = sha256_hex(text);
  }

  void append_finding(const QuickFinding& finding) {
    const auto& target = target_pieces(finding.target);
    append(text, {R"({"rule":)", rule_pieces(finding.rule).id, R"(,"status":")",
                  status_word(finding.status), R"(","targetHours":)", target.hours,
                  R"(,"targetText":)", target.text, R"(,"because":[)"});
    Commas because(text);
    std::size_t at = finding.first_option;
    finding.because.each([&](std::size_t item) {
      because.next();
      append_evidence(item, assessment.options[at++]);
    });
    text += R"(],"missing":[)";
    Commas missing(text);
    finding.missing.each([&](std::size_t item) {
      missing.next();
      text += pieces.items[item].link_id;
    });
    text += "]}";
  }

  void append_evidence(std::size_t item, std::uint64_t options_chosen) {
    const auto& made = pieces.items[item];
    append(text, {R"({"linkId":)", made.link_id, R"(,"options":[)"});
    Commas codes(text);
    for (std::size_t i = 0; i < made.options.size(); ++i) {
      if ((options_chosen >> i & 1U) != 0) {
        codes.next();
        text += made.options[i].code;
      }
    }
    text += ']';
    if (has_number(item)) {
      append(text, {R"(,"value":)", rules::to_text(input.facts.answers.number[item])});
    }
    text += R"(,"source":"patient"})";
  }

  // A number that speaks for a finding.
  bool has_number(std::size_t item) const {
    return knowledge.items[item].is_numeric() &&
           input.facts.answers.state[item] == ItemState::answered;
  }

  void append_workups() {
    Commas commas(text);
    for (const auto& row : assessment.workups) {
      commas.next();
      append(text, {R"({"code":)", pieces.workups[static_cast<std::size_t>(row.workup)].code,
                    R"(,"status":")", row.withheld ? "withheld" : "proposed", R"(","because":)"});
      append_rules(row.because);
      text += '}';
    }
  }

  void append_gaps() {
    Commas commas(text);
    for (const auto& gap : assessment.gaps) {
      commas.next();
      append(text, {R"({"linkId":)", pieces.items[gap.item].link_id, R"(,"state":")",
                    state_word(gap.state), R"(","couldRaiseTo":)"});
      if (gap.could_raise_to) {
        append(text, {"\"", rules::code_of(*gap.could_raise_to), "\""});
      } else {
        text += "null";
      }
      text += R"(,"rules":)";
      append_rules(gap.rules);
      text += '}';
    }
  }

  void append_notices() {
    Commas commas(text);
    for (const auto& notice : assessment.notices) {
      commas.next();
      append(text, {R"({"kind":")", notice_word(notice.kind), R"(","text":")"});
      append_escaped(notice.text, text);
      text += "\"}";
    }
  }

  // ---- names

  fhir::UuidNames names_with(std::initializer_list<std::string_view> parts_of_name) {
    text.clear();
    for (const auto part : parts_of_name) {
      append_part(part, text);
    }
    fhir::UuidNames names(parts.name_space);
    names.add(text);
    return names;
  }

  void name_response() {
    const auto own = response.id.empty() ? name_of({"content"}) : name_of({"id", response.id});
    const auto patient = name_of({"reference", response.subject});
    const auto made = names_with({"", own, patient, content, "response"}).name({});
    response_id = id_of(named_for(parts.name_space, made, "", patient));
  }

  fhir::UuidNames answer_names() {
    return names_with({"", text_of(response_id), content, parts.form, "answer"});
  }

  fhir::UuidNames result_names() {
    const auto result = name_of({knowledge.digest, outcome});
    return names_with({"", text_of(response_id), content, parts.form, result});
  }

  // ---- resources

  void make_heads() {
    result_head.clear();
    result_head += R"("subject":{"reference":")";
    append_escaped(response.subject, result_head);
    result_head += "\"},";
    if (!encounter.empty()) {
      result_head += R"("encounter":{"reference":")";
      append_escaped(encounter, result_head);
      result_head += "\"},";
    }
    request_head = result_head;
    append(request_head, {R"("authoredOn":")", evaluated, "\","});
    append(result_head, {R"("effectiveDateTime":")", response.authored, R"(","issued":")"});
    answer_head = result_head;
    append(result_head, {evaluated, "\","});
    append(answer_head, {response.authored, "\","});
    const auto performer = author.empty() ? source : author;
    if (!performer.empty()) {
      answer_head += R"("performer":[{"reference":")";
      append_escaped(performer, answer_head);
      answer_head += "\"}],";
    }
  }

  void write_answers(const fhir::UuidNames& names, std::string& out) {
    answers.clear();
    const auto& given = input.facts.answers;
    for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
      if (given.state[i] != ItemState::answered) {
        continue;
      }
      const auto& item = pieces.items[i];
      if (item.number) {
        write_answer_entry(*item.number, i, names.name(item.number_name), out);
      }
      for (std::size_t option = 0; option < item.options.size(); ++option) {
        if ((given.chosen[i] >> option & 1U) != 0) {
          write_answer_entry(item.options[option].answer, i, names.name(item.options[option].name),
                             out);
        }
      }
    }
  }

  void write_answer_entry(const Template& made, std::size_t item, const fhir::Uuid& uuid,
                          std::string& out) {
    answers.push_back({item, id_of(uuid)});
    const auto id = text_of(answers.back().id);
    fill(made, out, [&](Hole hole) {
      out += hole == Hole::id         ? id
             : hole == Hole::head     ? std::string_view(answer_head)
             : hole == Hole::response ? text_of(response_id)
                                      : numbers[item];
    });
    out += '\n';
  }

  void write_flags(const fhir::UuidNames& names, std::string& out) {
    flags.clear();
    flag_of.assign(pieces.rules.size() + pieces.gaps.size(), 0);
    for (const auto& finding : assessment.findings) {
      const auto& made = rule_pieces(finding.rule);
      const auto& flag = made.flag[static_cast<std::size_t>(finding.status)];
      if (!flag) {
        continue;
      }
      flag_of[place_of(finding.rule)] = flags.size();
      flags.push_back(id_of(names.name(made.name)));
      fill(*flag, out, [&](Hole hole) {
        out += hole == Hole::id     ? text_of(flags.back())
               : hole == Hole::head ? std::string_view(result_head)
                                    : text_of(response_id);
      });
      write_evidence(finding, made, out);
      out += "}\n";
    }
  }

  void write_evidence(const QuickFinding& finding, const RulePieces& made, std::string& out) {
    const bool speaks = finding.status == FindingStatus::fired && !finding.because.is_empty();
    out += '}';
    if (speaks) {
      write_answers_behind(finding, out);
    } else {
      for (const auto& answer : answers) {
        if (made.reads.has(answer.item)) {
          append(out, {R"(,{"reference":"Observation/)", text_of(answer.id), "\"}"});
        }
      }
    }
    out += ']';
    if (!finding.because.is_empty() || !finding.missing.is_empty()) {
      write_components(finding, out);
    }
  }

  // Those options that count here.
  void write_answers_behind(const QuickFinding& finding, std::string& out) {
    std::size_t at = finding.first_option;
    std::size_t next = 0;
    finding.because.each([&](std::size_t item) {
      const auto counted = assessment.options[at++];
      auto chosen = input.facts.answers.chosen[item];
      while (next < answers.size() && answers[next].item < item) {
        ++next;
      }
      if (next < answers.size() && answers[next].item == item &&
          knowledge.items[item].is_numeric()) {
        append(out, {R"(,{"reference":"Observation/)", text_of(answers[next++].id), "\"}"});
      }
      for (; next < answers.size() && answers[next].item == item; ++next, chosen &= chosen - 1) {
        if ((chosen & (~chosen + 1) & counted) != 0) {
          append(out, {R"(,{"reference":"Observation/)", text_of(answers[next].id), "\"}"});
        }
      }
    });
  }

  void write_components(const QuickFinding& finding, std::string& out) {
    const auto begin = out.size();
    out += R"(,"component":[)";
    Commas commas(out);
    std::size_t at = finding.first_option;
    finding.because.each([&](std::size_t item) {
      const auto& made = pieces.items[item];
      const auto counted = assessment.options[at++];
      for (std::size_t i = 0; i < made.options.size(); ++i) {
        if ((counted >> i & 1U) != 0) {
          commas.next();
          out += made.options[i].component;
        }
      }
      if (has_number(item)) {
        commas.next();
        fill(*made.number_component, out, [&](Hole) { out += numbers[item]; });
      }
    });
    finding.missing.each([&](std::size_t item) {
      commas.next();
      out += pieces.items[item].missing[missing_reason(item)];
    });
    if (out.back() == '[') {
      out.resize(begin);  // FHIR has no empty lists
    } else {
      out += ']';
    }
  }

  // As the reasons stand in ItemPieces.
  std::size_t missing_reason(std::size_t item) const {
    const auto& given = input.facts.answers;
    switch (given.state[item]) {
      case ItemState::not_shown:
      case ItemState::not_asked:
        return 0;
      case ItemState::answered:
        return (given.chosen[item] & knowledge.items[item].declined) != 0 ? 1 : 2;
      case ItemState::skipped:
      case ItemState::invalid:
        return 3;
    }
    return 3;
  }

  void write_tier(const fhir::Uuid& uuid, Id& id, std::string& out) {
    id = id_of(uuid);
    fill(*pieces.tiers[static_cast<std::size_t>(assessment.tier)], out, [&](Hole hole) {
      switch (hole) {
        case Hole::id:
          out += text_of(id);
          break;
        case Hole::head:
          out += result_head;
          break;
        case Hole::response:
          out += text_of(response_id);
          break;
        case Hole::target:
          out += target_pieces(assessment.target).component;
          break;
        case Hole::notes:
          write_notes(out);
          break;
        default:
          write_members(out);
      }
    });
    out += '\n';
  }

  void write_notes(std::string& out) {
    if (assessment.notices.empty()) {
      return;
    }
    out += R"("note":[)";
    Commas commas(out);
    for (const auto& notice : assessment.notices) {
      commas.next();
      out += R"({"text":")";
      append_escaped(notice.text, out);
      out += "\"}";
    }
    out += "],";
  }

  void write_members(std::string& out) {
    if (flags.empty()) {
      return;
    }
    out += R"("hasMember":[)";
    Commas commas(out);
    for (const auto& flag : flags) {
      commas.next();
      append(out, {R"({"reference":"Observation/)", text_of(flag), "\"}"});
    }
    out += "],";
  }

  void write_requests(const fhir::UuidNames& names, std::string& out) {
    requests.clear();
    for (const auto& row : assessment.workups) {
      if (row.withheld) {
        continue;
      }
      const auto& made = pieces.workups[static_cast<std::size_t>(row.workup)];
      requests.push_back(id_of(names.name(made.name)));
      fill(*made.request[static_cast<std::size_t>(row.tier)], out, [&](Hole hole) {
        switch (hole) {
          case Hole::id:
            out += text_of(requests.back());
            break;
          case Hole::head:
            out += request_head;
            break;
          case Hole::response:
            out += text_of(response_id);
            break;
          case Hole::reasons:
            write_reasons(row, out);
            break;
          default:
            write_reason(row, out);
        }
      });
      out += '\n';
    }
  }

  void write_reasons(const rules::QuickWorkup& row, std::string& out) {
    out += R"("reasonReference":[)";
    Commas commas(out);
    for (auto i = row.because.begin; i < row.because.end; ++i) {
      const auto* rule = assessment.rules[i];
      commas.next();
      append(out, {R"({"reference":"Observation/)", text_of(flags[flag_of[place_of(rule)]]),
                   rule_pieces(rule).shown_as});
    }
    out += "],";
  }

  void write_reason(const rules::QuickWorkup& row, std::string& out) {
    out += R"({"text":")";
    for (auto i = row.because.begin; i < row.because.end; ++i) {
      append(out, {rule_pieces(assessment.rules[i]).words, "; "});
    }
    out += pieces.knowledge_words;
    if (!row.target->text.empty()) {
      out += "; ";
      append_escaped(row.target->text, out);
    }
    out += "\"}";
  }

  // ---- Provenance: everything but program and response

  template <typename Visit>
  void each_result(const Id& tier, const Visit& visit) const {
    for (const auto& answer : answers) {
      visit("Observation/", answer.id);
    }
    for (const auto& flag : flags) {
      visit("Observation/", flag);
    }
    visit("Observation/", tier);
    for (const auto& request : requests) {
      visit("ServiceRequest/", request);
    }
  }

  void name_provenance(const Id& tier, const fhir::UuidNames& names) {
    text.clear();
    Commas commas(text);
    text += '[';
    each_result(tier, [&](std::string_view, const Id& id) {
      commas.next();
      append(text, {R"({"reference":"urn:uuid:)", text_of(id), "\"}"});
    });
    text += ']';
    provenance_id = id_of(names.name(name_of({"provenance", sha256_hex(text)})));
  }

  void write_provenance(const Id& tier, std::string& out) {
    fill(*pieces.provenance, out, [&](Hole hole) {
      switch (hole) {
        case Hole::id:
          out += text_of(provenance_id);
          break;
        case Hole::response:
          out += text_of(response_id);
          break;
        case Hole::evaluated:
          out += evaluated;
          break;
        case Hole::agents:
          write_agent(pieces.author, author, out);
          write_agent(pieces.source, source, out);
          break;
        default:
          write_targets(tier, out);
      }
    });
    out += '\n';
  }

  static void write_agent(const std::pair<std::string, std::string>& around, std::string_view who,
                          std::string& out) {
    if (!who.empty()) {
      out += around.first;
      append_escaped(who, out);
      out += around.second;
    }
  }

  void write_targets(const Id& tier, std::string& out) {
    out += R"("target":[)";
    Commas commas(out);
    each_result(tier, [&](std::string_view type, const Id& id) {
      commas.next();
      append(out, {R"({"reference":")", type, text_of(id), "\"}"});
    });
    out += "],";
  }

  fhir::Uuid write(QuickLines& out) {
    digest_content();
    digest_outcome();
    name_response();
    make_heads();
    const auto names = result_names();
    out.device = pieces.device_line;
    write_response(out.response);
    write_answers(answer_names(), out.observations);
    write_flags(names, out.observations);
    Id tier;
    write_tier(names.name(name_of({"tier", ""})), tier, out.observations);
    write_requests(names, out.service_requests);
    name_provenance(tier, names);
    write_provenance(tier, out.provenance);
    return names.name(name_of({"repetition", ""}));
  }
};

QuickDesk::QuickDesk(const QuickForms& forms, const QuickOptions& options)
    : state_(std::make_unique<State>(*forms.parts_, options)) {}
QuickDesk::~QuickDesk() = default;
QuickDesk::QuickDesk(QuickDesk&&) noexcept = default;

bool QuickDesk::judge(std::string_view json) { return state_->judge(json); }
const QuickAssessment& QuickDesk::assessment() const { return state_->assessment; }
std::string_view QuickDesk::authored() const { return state_->response.authored; }
fhir::Uuid QuickDesk::write(QuickLines& out) { return state_->write(out); }

}  // namespace myoflag::mapping
