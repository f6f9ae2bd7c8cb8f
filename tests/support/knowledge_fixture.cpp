#include "tests/support/knowledge_fixture.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "rules/settle.h"
#include "rules/since_last.h"

namespace myoflag::rules::testing {
namespace {

namespace fs = std::filesystem;

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

KnowledgeFiles read_folder(const fs::path& root) {
  KnowledgeFiles files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && entry.path().extension() == ".yaml") {
      files[fs::relative(entry.path(), root).generic_string()] = read_bytes(entry.path());
    }
  }
  return files;
}

// Sentences for the patient that suit any target, so that small rules need none of their own times.
std::string small_tiers() {
  std::string out = "tiers:\n";
  for (auto tier = kTiers.rbegin(); tier != kTiers.rend(); ++tier) {
    const std::string code(code_of(*tier));
    out += "  - {code: " + code + ", label: " + code + ", meaning: M, priority: routine, " +
           "patient: [{within-hours: 0, text: Now}, {text: Later}]}\n";
  }
  return out;
}

// Questions that the record speaks to. Every small knowledge has them, after its own.
constexpr std::string_view kRecordQuestions = R"(
  - {linkId: age-years, type: integer, text: Age, concept: Age, min: 0, max: 120}
  - linkId: sex-at-birth
    type: choice
    text: Sex
    concept: Sex
    options: [{code: female, text: Female}, {code: male, text: Male}]
  - linkId: pregnancy-status
    type: choice
    text: Pregnant
    concept: Pregnancy
    options: [{code: "no", text: "No"}, {code: pregnant, text: Pregnant}, {code: possible, text: Could be}]
    enable: {when: [{question: sex-at-birth, not: male}]}
  - linkId: medicines
    type: choice
    repeats: true
    text: Medicines
    concept: Medicines
    options: [{code: lithium, text: Lithium}, {code: statin, text: Statin}, {code: none, text: None}, {code: unsure, text: Unsure}]
  - linkId: conditions
    type: choice
    repeats: true
    text: Conditions
    concept: Conditions
    options: [{code: kidney, text: Kidney}, {code: none, text: None}, {code: unsure, text: Unsure}]
)";

constexpr std::string_view kPolicies = R"(
  - {id: stale, kind: staleness, title: T, policy: P, sources: [author], emergency-answers-hours: 24, benign-answers-days: 14, lab-days: 90}
  - {id: aggregation, kind: aggregation, title: T, policy: P, sources: [author], nothing-matched: routine, unread-words: routine}
  - {id: overtesting, kind: overtesting, title: T, policy: P, sources: [author], repeat-days: 90, repeat-allowed: [emergency, urgent], only-from: [], never-from: []}
)";

}  // namespace

const KnowledgeFiles& twitching_files() {
  static const KnowledgeFiles files =
      read_folder(fs::path(MYOFLAG_SOURCE_DIR) / "rules" / "knowledge" / "twitching");
  return files;
}

KnowledgePtr load_or_throw(const KnowledgeFiles& files) {
  auto loaded = load_knowledge(files);
  if (!loaded) {
    std::string text;
    for (const auto& problem : loaded.error()) {
      text += to_text(problem) + "\n";
    }
    throw std::runtime_error(text);
  }
  return *loaded;
}

const KnowledgePtr& twitching() {
  static const KnowledgePtr knowledge = load_or_throw(twitching_files());
  return knowledge;
}

KnowledgePtr small_knowledge(const SmallKnowledge& parts) {
  KnowledgeFiles files;
  const auto& real = twitching_files();
  for (const auto* name : {"text.en.yaml", "sources.yaml", "workups.yaml", "hypotheses.yaml"}) {
    files[name] = real.at(name);
  }
  // The terms that the workups need stand in the real list.
  files["terminology.yaml"] = real.at("terminology.yaml");
  files["knowledge.yaml"] =
      "id: small\nversion: 1.0.0\ndate: 2026-01-01\ntitle: Small\n"
      "canonical: https://example.org/fhir\nstatus: draft\ncopyright: None\n" +
      small_tiers() +
      "option-sets: {}\nis: {pregnant: {item: pregnancy-status, options: [pregnant], "
      "unknown: [possible]}, male: {item: sex-at-birth, options: [male]}}\n"
      "record: {med: medicines, cond: conditions, age: age-years, sex: sex-at-birth, "
      "pregnancy: pregnancy-status}\nadult-age: 16\nred-flag-from: soon\n";
  files["questions.yaml"] = "items:\n" + parts.items + std::string(kRecordQuestions);
  for (const auto tier : kTiers) {
    const std::string name(code_of(tier));
    const auto rules = parts.rules.find(name);
    files["rules/" + name + ".yaml"] =
        rules == parts.rules.end() ? "rules: []\n" : "rules:\n" + rules->second;
  }
  files["policies.yaml"] = "policies:\n" + std::string(kPolicies) + parts.policies;
  files["bindings.yaml"] =
      "medicine-classes: []\nconditions: []\nlabs:\n"
      "  - {name: k, title: potassium, codes: [potassium-serum-plasma-loinc], unit: mmol/L}\n";
  files["advice.yaml"] = "advice: []\n";
  files["cases.yaml"] = "base: {}\ncases: []\n";
  files["seeds.yaml"] = "seeds: []\n";
  return load_or_throw(files);
}

// -- names
// ------------------------------------------------------------------------------------------

Names::Names(const Knowledge& knowledge) : knowledge_(&knowledge) {
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    items_.emplace(item.link_id, static_cast<int>(i));
    auto& options = options_.emplace_back();
    for (std::size_t option = 0; option < item.options.size(); ++option) {
      options.emplace(item.options[option].code, std::uint64_t{1} << option);
    }
  }
}

int Names::item(std::string_view link) const {
  const auto found = items_.find(link);
  if (found == items_.end()) {
    throw std::runtime_error("no question " + std::string(link));
  }
  return found->second;
}

std::uint64_t Names::mask(int item, const std::vector<std::string_view>& options) const {
  const auto& known = options_[static_cast<std::size_t>(item)];
  std::uint64_t mask = 0;
  for (const auto option : options) {
    const auto found = known.find(option);
    if (found == known.end()) {
      throw std::runtime_error("no option " + std::string(option));
    }
    mask |= found->second;
  }
  return mask;
}

AnswerRecord Names::answers(const NamedAnswers& answers) const {
  AnswerRecord record;
  for (const auto& [link, answer] : answers) {
    const int index = item(link);
    const auto at = static_cast<std::size_t>(index);
    record.state[at] = answer.invalid ? ItemState::invalid : ItemState::answered;
    if (!answer.invalid) {
      record.chosen[at] = mask(index, answer.options);
      record.number[at] = answer.number.value_or(Number{});
    }
  }
  return record;
}

RecordFacts Names::record(const NamedRecord& given) const {
  RecordFacts record;
  record.fetched = given.fetched;
  for (const auto& [link, answer] : given.says) {
    const int index = item(link);
    const auto at = static_cast<std::size_t>(index);
    if (index == knowledge_->bindings.age) {
      record.age = answer.number;
      continue;
    }
    record.chosen[at] = mask(index, answer.options);
    record.known[at] = !answer.options.empty();
  }
  for (std::size_t i = 0; i < knowledge_->labs.size(); ++i) {
    record.labs[i].state = given.fetched ? LabState::none : LabState::not_fetched;
    if (const auto lab = given.labs.find(knowledge_->labs[i].name); lab != given.labs.end()) {
      record.labs[i] = {lab->second.state, lab->second.value, lab->second.age_days};
    }
  }
  return record;
}

Facts Names::facts(const Form& form) const {
  Facts facts = settle(*knowledge_, answers(form.answers)).facts;
  facts.record = record(form.record);
  return facts;
}

std::optional<AnswerRecord> Names::previous(const Form& form) const {
  if (!form.previous) {
    return std::nullopt;
  }
  return settle(*knowledge_, answers(*form.previous)).facts.answers;
}

EvaluateFlags Names::flags(const Form& form) const {
  EvaluateFlags flags;
  flags.stale = form.stale;
  flags.free_text = form.free_text;
  const auto before = previous(form);
  flags.changed = changed_since_last(*knowledge_, before ? &*before : nullptr, facts(form).answers);
  return flags;
}

Verdicts Names::verdicts(const Form& form) const {
  Verdicts verdicts;
  evaluate(*knowledge_, facts(form), flags(form), verdicts);
  return verdicts;
}

EvaluationInput Names::input(const Form& form) const {
  EvaluationInput input;
  Settled settled = settle(*knowledge_, answers(form.answers));
  input.facts = std::move(settled.facts);
  input.set_aside = std::move(settled.set_aside);
  input.facts.record = record(form.record);
  input.previous = previous(form);
  if (input.previous) {
    input.earlier = {{ResponseInfo{}, *input.previous, {}}};
  }
  input.now = now();
  input.response.authored = form.stale ? now() - std::chrono::days(15) : now();
  if (form.free_text) {
    input.free_text.push_back({0, "words of the patient"});
  }
  for (const auto& [link, answer] : form.record.says) {
    const int index = item(link);
    for (const auto option : answer.options) {
      RecordEntry entry;
      entry.kind = index == knowledge_->bindings.conditions  ? RecordEntry::Kind::condition
                   : index == knowledge_->bindings.sex       ? RecordEntry::Kind::sex
                   : index == knowledge_->bindings.pregnancy ? RecordEntry::Kind::pregnancy
                                                             : RecordEntry::Kind::medicine;
      entry.item = index;
      entry.options = mask(index, {option});
      entry.text = std::string(option);
      input.record.push_back(std::move(entry));
    }
  }
  return input;
}

Instant now() { return Instant{std::chrono::seconds(1'795'392'000)}; }

// -- cases
// ------------------------------------------------------------------------------------------

NamedAnswers answers_of(const Case& one) {
  NamedAnswers answers;
  for (const auto& [link, given] : one.answers) {
    const Item& item = twitching()->items[static_cast<std::size_t>(twitching()->item(link))];
    NamedAnswer answer;
    if (item.type == ItemType::choice) {
      answer.options.assign(given.begin(), given.end());
    } else if (item.type != ItemType::text) {
      answer.number = read_number(given.front());
    }
    answers[item.link_id] = std::move(answer);
  }
  return answers;
}

Form form_of(const Case& one) {
  Form form;
  form.answers = answers_of(one);
  auto& record = form.record;
  const auto& bindings = twitching()->bindings;
  const auto link = [&](int item) -> std::string_view {
    return twitching()->items[static_cast<std::size_t>(item)].link_id;
  };
  if (!one.medicines.empty()) {
    record.says[link(bindings.medicines)].options.assign(one.medicines.begin(),
                                                         one.medicines.end());
  }
  if (!one.conditions.empty()) {
    record.says[link(bindings.conditions)].options.assign(one.conditions.begin(),
                                                          one.conditions.end());
  }
  if (one.age) {
    record.says[link(bindings.age)].number = one.age;
  }
  for (const auto& [name, value] : one.labs) {
    record.labs[name] = {LabState::known, read_number(value).value(), 0};
  }
  record.fetched = !record.says.empty() || !record.labs.empty();
  return form;
}

Form clear_form() {
  for (const auto& one : twitching()->cases) {
    if (one.name == "brief twitch no trigger") {
      return form_of(one);
    }
  }
  throw std::runtime_error("the case `brief twitch no trigger` is gone");
}

// -- messages
// ---------------------------------------------------------------------------------------

std::string to_text(const NamedAnswers& answers) {
  std::string text;
  for (const auto& [link, answer] : answers) {
    text += std::string(link) + "=";
    for (const auto option : answer.options) {
      text += std::string(option) + "+";
    }
    if (answer.number) {
      text += rules::to_text(*answer.number);
    }
    text += answer.invalid ? "INVALID; " : "; ";
  }
  return text;
}

std::string to_text(const Form& form) {
  std::string text = to_text(form.answers);
  if (form.record.fetched) {
    text += "| record: " + to_text(form.record.says);
  }
  for (const auto& [name, lab] : form.record.labs) {
    text += std::string(name) + "=" + rules::to_text(lab.value) + " (" +
            std::to_string(lab.age_days) + " days, state " +
            std::to_string(static_cast<int>(lab.state)) + "); ";
  }
  text += form.stale ? "| stale" : "";
  text += form.free_text ? "| free text" : "";
  return text + (form.previous ? "| before: " + to_text(*form.previous) : "");
}

std::set<std::string> fired_ids(const Knowledge& knowledge, const Verdicts& verdicts) {
  std::set<std::string> ids;
  for (std::size_t i = 0; i < knowledge.rules.size(); ++i) {
    if (verdicts.rules[i] == Tri::yes) {
      ids.insert(knowledge.rules[i].id);
    }
  }
  for (std::size_t i = 0; i < knowledge.gaps.size(); ++i) {
    const auto kind = knowledge.gaps[i].kind;
    if (verdicts.gaps[i] == Tri::yes && kind != Rule::Kind::notice && kind != Rule::Kind::guard) {
      ids.insert(knowledge.gaps[i].id);
    }
  }
  return ids;
}

}  // namespace myoflag::rules::testing
