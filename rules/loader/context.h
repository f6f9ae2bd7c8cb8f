#pragma once
// What the readers of the single files share: the problems found so far, the names defined so far,
// and helpers that read one field of a map and report what is wrong with it. A reader goes on after
// every problem.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/knowledge.h"
#include "rules/languages.h"
#include "rules/loader/times.h"
#include "rules/loader/tree.h"
#include "rules/problem.h"

namespace myoflag::rules::loading {

// The ids of one kind, with the place of each.
struct Names {
  std::string_view what;  // "question"
  std::map<std::string, int, std::less<>> index;
  std::vector<const Node*> places;  // by index
  bool complete =
      true;  // false after a file could not be read: then an unknown name is not reported
};

// A criterion to be compiled once everything it may name has been read.
struct PendingCriterion {
  enum class Owner { rule, gap, rule_target, gap_target };
  Owner owner = Owner::rule;
  std::size_t rule = 0;    // index into rules or gaps
  std::size_t target = 0;  // index into target_when
  const Node* node = nullptr;
  Criterion criterion;
  CompileOptions options;
  bool compiled = false;   // without a problem
  bool possible = false;   // true and false for some answers
  bool undecided = false;  // too large to tell
};

// The most that is read of a list: far more than knowledge needs, and a bound for hostile files.
inline constexpr std::size_t kMaxList = 2000;

class Context {
 public:
  explicit Context(Problems& problems) : problems_(problems) {}

  void report(const Node& at, std::string_view code, std::string text);
  void report_inside(const Node& scalar, std::size_t index, std::string_view code,
                     std::string text);
  void warn(const Node& at, std::string_view code, std::string text);
  void warn_inside(const Node& scalar, std::size_t index, std::string_view code, std::string text);
  std::size_t found() const { return found_; }               // problems so far
  std::size_t unlisted() const { return found_ - listed_; }  // of them, too many to list

  // Defines an id; reports a second one of the same name. Always returns the index the caller's
  // element gets.
  void define(Names& names, const Node& at, std::string_view id, std::size_t index);
  // As define, for a second table of the same ids: says nothing of its own.
  static void also(Names& names, const Node& at, std::string_view id);
  // -1, reported, when there is none.
  int find(const Names& names, const Node& at);
  std::string no_such(const Names& names, std::string_view name) const;  // the message
  std::vector<int> find_all(const Names& names, const Node* list);

  bool id(const Node& at);  // lower-case words joined by `-`

  // Text of a scalar without white space at its end; reports other kinds, and empty text.
  std::optional<std::string> text(const Node& at);
  std::optional<Number> number(const Node& at);
  std::optional<int> integer(const Node& at, int low, int high);
  std::optional<bool> flag(const Node& at);
  std::string date(const Node& at);  // a day that exists: 2026-11-22
  // Reports anything else, empty then, and lists that are too long, cut then.
  std::span<const Node> list(const Node& at);
  std::vector<std::string> texts(const Node& at);           // a list of texts
  std::vector<std::string> one_or_more(const Node& at);     // a text or a list of texts
  std::uint64_t options(const Item& item, const Node& at);  // a code or a list of codes, as a mask
  void options_into(const Item& item, const Node& code, std::uint64_t& mask);
  std::vector<Coding> codings(const Node* list);  // ids of terms
  std::optional<Tier> tier(const Node& at);

  Rule& owner_of(const PendingCriterion& criterion);
  int& root_of(const PendingCriterion& criterion);

  Knowledge knowledge;
  Names items{"question", {}, {}};
  Names rules{"rule", {}, {}};                // of the rule files
  Names policies{"policy", {}, {}};           // every policy; index into knowledge.policies
  Names fired{"rule or gap policy", {}, {}};  // what may fire; the index is of no use
  Names hypotheses{"hypothesis", {}, {}};
  Names workups{"workup", {}, {}};
  Names sources{"source", {}, {}};
  Names terms{"term", {}, {}};
  Names labs{"laboratory value", {}, {}};
  Names advice{"advice", {}, {}};
  Names option_sets{"option set", {}, {}};
  Names seeds{"seed", {}, {}};
  TimeWords times;                                 // of English
  std::vector<std::string> term_ids;               // index: knowledge.terms
  std::vector<const Node*> rule_nodes, gap_nodes;  // the map of each
  std::vector<PendingCriterion> pending;
  std::set<int> used_terms;
  // Every text of the English files as it stands there, also of what could not be read; filled for
  // the catalogues where there are problems.
  std::set<std::string, std::less<>> written;
  std::vector<const Node*> untranslated;  // texts of languages that are still in English
  std::set<int> doubtful;                 // questions that could not be read as they are meant
  std::set<int> untyped;                  // of these, those whose type is not known
  bool too_large = false;                 // for the fixed limits: nothing may be evaluated

 private:
  std::string nearest(const Names& names, std::string_view wrong) const;
  void add(const Node& at, std::size_t offset, std::string_view code, std::string text,
           Severity severity);

  Problems& problems_;
  std::size_t found_ = 0, listed_ = 0;
};

// One map. Reports other kinds of node, unknown keys and keys that stand twice; then hands out
// fields.
class Fields {
 public:
  Fields(Context& context, const Node& node, std::initializer_list<std::string_view> known);

  bool is_map() const { return is_map_; }
  const Node& node() const { return node_; }
  const Node* find(std::string_view key) const;  // null when absent
  const Node* need(std::string_view key) const;  // absent is reported

  std::string text(std::string_view key) const;                // must be there
  std::string text_if(std::string_view key) const;             // empty when absent
  std::string id(std::string_view key) const;                  // must be there
  bool flag(std::string_view key) const;                       // false when absent
  int integer(std::string_view key, int low, int high) const;  // must be there
  std::span<const Node> list(std::string_view key) const;      // must be there
  std::span<const Node> list_if(std::string_view key) const;
  // The one list of a file that defines names: where it is none, the names are not all known.
  std::span<const Node> list_of(std::string_view key, Names& names) const;
  // One of the words; reports anything else, and absence. -1 then.
  int word(std::string_view key, std::initializer_list<std::string_view> words) const;

 private:
  Context& context_;
  const Node& node_;
  bool is_map_ = false;
};

// One reader a file; `root` is the document's root.
void read_settings(Context& context,
                   const Node& root);  // knowledge.yaml but for what names questions
void read_settings_of_items(Context& context, const Node& root);  // option sets, is, record
void read_english_times(Context& context, const Node& root);      // `times` of text.en.yaml
void read_questions(Context& context, const Node& root);
void read_hypotheses(Context& context, const Node& root);
void read_workups(Context& context, const Node& root);
void read_sources(Context& context, const Node& root);
void read_terms(Context& context, const Node& root);
void read_bindings(Context& context, const Node& root);
void read_forms(Context& context, std::span<const Node> list);  // `forms` of bindings.yaml
void read_rules(Context& context, const Node& root, Tier tier);
void read_policies(Context& context, const Node& root);
void read_advice(Context& context, const Node& root);
void read_texts(Context& context, const Node& root);
void read_cases(Context& context, const Node& root);
void read_seeds(Context& context, const Node& root);
bool is_language_file(std::string_view name);  // "languages/es.yaml"
// `words` are those of the whole, sound knowledge: they point into it.
void read_language(Context& context, const Node& root, std::string_view file,
                   const std::vector<PatientWords>& words);

inline constexpr int kMaxHours = 24 * 366;

// Shared by rules and policies. A target must be one that a sentence of the tier can tell the
// patient.
Target read_target(Context& context, const Node& node, Tier tier);
// What of the entry is said beside something more urgent.
void read_beside(const Fields& fields, Rule& rule);
// Of the English texts: `patient` names no later time than the target, what is said beside another
// finding none at all. The rule's kind and target have been read.
void check_told_times(Context& context, const Fields& fields, const Rule& rule);
void read_criterion_of(Context& context, const Node& node, PendingCriterion pending, Rule* rule);
// `text` in place of what stands at the node.
void read_criterion_of(Context& context, const Node& node, const std::string& text,
                       PendingCriterion pending, Rule* rule);

// After all files: limits, criteria, and what only the whole shows.
void compile_criteria(Context& context);
void check_whole(Context& context);
void check_silences(Context& context);
// Reports criteria that no answers make true, or false. Searches the answers of every criterion
// that could be compiled, also where others could not.
void check_possible(Context& context);

}  // namespace myoflag::rules::loading
