#include "rules/loader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "rules/digest.h"
#include "rules/loader/load.h"

namespace myoflag::rules {
namespace loading {
namespace {

constexpr std::size_t kMaxFiles = 64;

struct FileKind {
  std::string_view name;
  std::initializer_list<Names Context::*>
      defines;  // names that are not all known when the file cannot be read
};

const FileKind kFiles[] = {
    {"knowledge.yaml", {&Context::option_sets}},
    {"questions.yaml", {&Context::items, &Context::option_sets}},
    {"rules/emergency.yaml", {&Context::rules, &Context::fired}},
    {"rules/urgent.yaml", {&Context::rules, &Context::fired}},
    {"rules/soon.yaml", {&Context::rules, &Context::fired}},
    {"rules/routine.yaml", {&Context::rules, &Context::fired}},
    {"rules/self-care.yaml", {&Context::rules, &Context::fired}},
    {"policies.yaml", {&Context::policies, &Context::fired}},
    {"hypotheses.yaml", {&Context::hypotheses}},
    {"workups.yaml", {&Context::workups}},
    {"sources.yaml", {&Context::sources}},
    {"terminology.yaml", {&Context::terms}},
    {"bindings.yaml", {&Context::labs}},
    {"advice.yaml", {&Context::advice}},
    {"text.en.yaml", {}},
    {"cases.yaml", {}},
    {"seeds.yaml", {}},
};

void add_length(std::string& bytes, std::size_t length) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>((static_cast<std::uint64_t>(length) >> shift) & 0xFFU);
  }
}

std::string digest_of(const KnowledgeFiles& files) {
  std::string bytes;
  for (const auto& [name, content] : files) {
    add_length(bytes, name.size());
    bytes += name;
    add_length(bytes, content.size());
    bytes += content;
  }
  return hex(sha256(bytes));
}

void add_file_problem(Run& run, std::string_view file, std::string code, std::string text) {
  run.problems.push_back(
      {std::move(code), std::move(text), std::string(file), 0, 0, "", Severity::error});
}

bool is_known_file(std::string_view name) {
  for (const auto& kind : kFiles) {
    if (kind.name == name) {
      return true;
    }
  }
  return name == "CHANGES.md" || is_language_file(name);
}

// An empty file is as one that is not there: what it was to hold is not known.
void read_file(Run& run, Document& document, const std::string& bytes) {
  document.bytes = bytes;
  read_document(document, run.problems);
  if (document.complete && document.root.kind == Node::Kind::null) {
    document.complete = false;
    add_file_problem(run, document.file, "MF-2000", "the file is empty");
  }
}

void read_languages_documents(Run& run, const KnowledgeFiles& files) {
  for (const auto& [name, bytes] : files) {
    if (is_language_file(name)) {
      Document& document = run.documents[name];
      document.file = name;
      read_file(run, document, bytes);
    }
  }
}

void read_documents(Run& run, const KnowledgeFiles& files) {
  for (const auto& [name, bytes] : files) {
    if (!is_known_file(name)) {
      add_file_problem(run, excerpt_of(name), "MF-2001", "knowledge has no such file");
    }
  }
  read_languages_documents(run, files);
  for (const auto& kind : kFiles) {
    Document& document = run.documents[std::string(kind.name)];
    document.file = kind.name;
    const auto file = files.find(std::string(kind.name));
    if (file == files.end()) {
      add_file_problem(run, kind.name, "MF-2000", "the file is missing");
    } else {
      read_file(run, document, file->second);
    }
    for (const auto names : kind.defines) {
      (run.context.*names).complete = (run.context.*names).complete && document.complete;
    }
  }
}

template <typename Reader>
void read(Run& run, std::string_view name, Reader reader) {
  const Document& document = run.documents.find(name)->second;
  if (document.complete) {
    reader(run.context, document.root);
  }
}

void read_all(Run& run) {
  read(run, "terminology.yaml", read_terms);
  read(run, "sources.yaml", read_sources);
  read(run, "text.en.yaml", read_english_times);
  read(run, "knowledge.yaml", read_settings);
  read(run, "questions.yaml", read_questions);
  read(run, "knowledge.yaml", read_settings_of_items);
  read(run, "hypotheses.yaml", read_hypotheses);
  read(run, "workups.yaml", read_workups);
  read(run, "bindings.yaml", read_bindings);
  constexpr std::pair<std::string_view, Tier> kRuleFiles[] = {
      {"rules/emergency.yaml", Tier::emergency},
      {"rules/urgent.yaml", Tier::urgent},
      {"rules/soon.yaml", Tier::soon},
      {"rules/routine.yaml", Tier::routine},
      {"rules/self-care.yaml", Tier::self_care}};
  for (const auto& [name, tier] : kRuleFiles) {
    read(run, name,
         [tier = tier](Context& context, const Node& root) { read_rules(context, root, tier); });
  }
  read(run, "advice.yaml", read_advice);
  read(run, "policies.yaml", read_policies);
  read(run, "text.en.yaml", read_texts);
  read(run, "cases.yaml", read_cases);
  read(run, "seeds.yaml", read_seeds);
}

void collect_texts(const Node& node, std::set<std::string, std::less<>>& texts) {
  if (node.kind == Node::Kind::scalar) {
    texts.emplace(node.text, 0, node.text.find_last_not_of(" \n\t\r") + 1);
  }
  for (const Node& item : node.items) {
    collect_texts(item, texts);
  }
  for (const auto& field : node.fields) {
    collect_texts(field.value, texts);
  }
}

// Held against the English texts, so only where all of them were found.
void read_languages(Run& run) {
  const bool has_problems = !run.problems.empty();
  for (const FileKind& kind : kFiles) {
    const Document& document = run.documents.find(kind.name)->second;
    const bool all_known =
        std::all_of(kind.defines.begin(), kind.defines.end(),
                    [&](Names Context::*names) { return (run.context.*names).complete; });
    if (!document.complete || !all_known) {
      return;
    }
    if (has_problems) {
      collect_texts(document.root, run.context.written);
    }
  }
  const auto words = patient_words(run.context.knowledge);
  for (const auto& [name, document] : run.documents) {
    if (is_language_file(name)) {
      read(run, name, [&, file = std::string_view(name)](Context& context, const Node& root) {
        read_language(context, root, file, words);
      });
    }
  }
}

}  // namespace

std::unique_ptr<Run> run(const KnowledgeFiles& files) {
  auto result = std::make_unique<Run>();
  if (files.size() > kMaxFiles) {
    add_file_problem(*result, "", "MF-2001", fmt::format("more than {} files", kMaxFiles));
    return result;
  }
  read_documents(*result, files);
  read_all(*result);
  compile_criteria(result->context);
  check_whole(result->context);
  read_languages(*result);
  result->whole = result->problems.empty();
  if (result->whole) {
    result->context.knowledge.digest = digest_of(files);
    result->context.knowledge.tape = build_tape(result->context.knowledge);
  }
  check_possible(result->context);
  return result;
}

Problems listing_of(Run& run) {
  Problems problems = std::move(run.problems);
  sort_problems(problems);
  if (const std::size_t more = run.context.unlisted(); more != 0) {
    const bool wrong = std::any_of(problems.begin(), problems.end(), [](const Problem& problem) {
      return problem.severity == Severity::error;
    });
    problems.push_back(
        {"MF-2024", fmt::format("{} more problem{} not listed", more, more == 1 ? " is" : "s are"),
         "", 0, 0, "", wrong ? Severity::error : Severity::warning});
  }
  return problems;
}

}  // namespace loading

tl::expected<KnowledgePtr, Problems> load_knowledge(const KnowledgeFiles& files) {
  const auto run = loading::run(files);
  if (!run->problems.empty()) {
    return tl::unexpected(loading::listing_of(*run));
  }
  return std::make_shared<const Knowledge>(std::move(run->context.knowledge));
}

}  // namespace myoflag::rules
