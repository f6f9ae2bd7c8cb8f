#include "plugin/batch/join.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/issue.h"
#include "fhir/primitives.h"
#include "fhir/r4/definitions.h"
#include "fhir/response.h"
#include "plugin/batch/own_json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/patient_identity.h"
#include "plugin/store/sqlite.h"

namespace myoflag::batch {
namespace {

namespace fs = std::filesystem;
using fhir::Json;
using store::Row;
using store::Statement;
using Done = tl::expected<void, Failure>;

// Nothing is undone: what is not whole (user_version) is made again. On disk before it says so.
constexpr const char* kSchema =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
    "PRAGMA temp_store=FILE; BEGIN;"
    "CREATE TABLE line(seq INTEGER PRIMARY KEY, key TEXT NOT NULL, kind INTEGER NOT NULL,"
    " server TEXT, form TEXT, authored TEXT, status TEXT, links TEXT, bytes BLOB NOT NULL);"
    "CREATE TABLE told(file INTEGER, at INTEGER, line INTEGER, seq INTEGER,"
    " PRIMARY KEY(file, at)) WITHOUT ROWID;"
    // What all responses of an export ("3/"), or those of one patient ("3/Patient/p1"), lack.
    "CREATE TABLE doubtful(key TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE link(key TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE counts(name TEXT, value INTEGER);"
    // m: 0 with a response, 1 without; n: resources. One walk along the index.
    "CREATE VIEW patient AS SELECT MIN(kind) AS m, SUM(kind=1) AS n FROM line"
    " WHERE key<>'' AND kind<2 GROUP BY key;";
constexpr const char* kIndex = "CREATE INDEX by_key ON line(key, seq, kind);";
constexpr const char* kWhole = "COMMIT; PRAGMA user_version=1;";

// Bundle, entry and resource stand around a line.
constexpr int kLevelsAround = 3;
// Says nothing, not even about whom: set aside, and whatever it was may have mattered.
constexpr std::string_view kUnknown = R"({"resourceType":"Observation","status":"unknown"})";

enum class Kind : int { response, resource, shared, error };

Failure unkept(const store::Database& db) {
  return {Exit::outside,
          fmt::format("MF-4107: the records of an export cannot be kept: {}", db.error())};
}

// "Patient/p1", of a server or not, with a version or not; nothing for other forms of a reference.
std::optional<mapping::ReferenceKey> literal(const Json& reference) {
  auto key = mapping::reference_key(reference.string_of("reference"));
  const bool has_server = key.base.starts_with("https://") || key.base.starts_with("http://");
  const bool has_place = key.base.empty() || (has_server && key.base.size() > 8 &&
                                              key.base.find_first_of("?#") == std::string::npos);
  const auto id = std::string_view(key.tail).substr(key.tail.find('/') + 1);
  const bool is_sound = has_place && !key.type().empty() && fhir::is_id(id);
  return is_sound ? std::optional(std::move(key)) : std::nullopt;
}

std::optional<mapping::ReferenceKey> patient_of(const Json& reference) {
  auto key = literal(reference);
  return key && key->type() == "Patient" ? std::move(key) : std::nullopt;
}

// Whether the reference certainly means no patient. A type that nobody knows may be Patient,
// mistyped.
bool is_no_patient(const Json& reference) {
  constexpr std::array<std::string_view, 8> kOthers{
      "Device",       "Group",        "HealthcareService", "Location",
      "Organization", "Practitioner", "PractitionerRole",  "Substance"};
  const auto key = literal(reference);
  const auto stated = reference.string_of("type");
  const auto type = key ? key->type() : stated;
  return (key || !reference.has("reference")) && (stated.empty() || stated == type) &&
         mapping::is_one_of(type, kOthers);
}

// Whom a resource says it is about.
struct About {
  std::vector<mapping::ReferenceKey> patients;  // each once
  bool others = false;                          // something that is certainly no patient
  bool clear = true;                            // false: something else, that may be a patient

  bool is_empty() const { return patients.empty() && !others; }

  void add(const Json& reference) {
    const auto key = patient_of(reference);
    const bool other = !key && is_no_patient(reference);
    others = others || other;
    clear = clear && (key || other);
    const bool known = key && std::any_of(patients.begin(), patients.end(), [&](const auto& one) {
                         return one.tail == key->tail && one.base == key->base;
                       });
    if (key && !known) {
      patients.push_back(*key);
    }
  }
};

About about(const Json& resource, std::string_view type) {
  About out;
  for (const auto* subject : mapping::subjects_of(resource)) {
    out.add(*subject);
  }
  if (type != "Appointment") {
    return out;
  }
  for (const auto& participant : resource.array_of("participant")) {
    const auto* actor = participant.find("actor");
    out.add(actor == nullptr ? Json() : *actor);
  }
  // Relatives, and who is only named in words, come with the patient.
  out.clear = out.clear || !out.patients.empty();
  return out;
}

void add_link(const Json* reference, std::vector<std::string>& links) {
  const auto key = reference == nullptr ? mapping::ReferenceKey{}
                                        : mapping::reference_key(reference->string_of("reference"));
  if (key.type() == "Medication") {
    links.push_back(key.tail);
  }
}

// The Medications that a use of one, or a mixture, refers to.
std::vector<std::string> links_of(const Json& resource) {
  std::vector<std::string> links;
  add_link(resource.find("medicationReference"), links);
  for (const auto& ingredient : resource.array_of("ingredient")) {
    add_link(ingredient.find("itemReference"), links);
  }
  return links;
}

// What a line is to the join.
struct Line {
  Kind kind = Kind::resource;
  std::string key;     // without the export; empty: joined to nothing
  std::string server;  // "https://ehr.example/fhir/"; empty: the one of the export
  std::string form, authored, status;
  std::vector<std::string> links;
  std::vector<std::string> doubtful;  // keys of patients who may be one person
  std::string bytes;
  std::optional<fhir::Error> error;  // then it is told, and may be anybody's
  bool left_out = false;             // about no patient, and nothing refers to it
};

Line unusable(std::string code, std::string text) {
  Line line;
  line.kind = Kind::error;
  line.error = fhir::Error{std::move(code), std::move(text), {}};
  return line;
}

Line response_line(const Json& json, Line line) {
  const auto* subject = json.find("subject");
  line.kind = Kind::response;
  const auto patient = subject == nullptr ? std::nullopt : patient_of(*subject);
  if (patient) {
    line.key = patient->tail;
    line.server = patient->base;
  }
  line.form = fhir::split_canonical(json.string_of("questionnaire")).url;
  line.authored = json.string_of("authored");
  line.status = json.string_of("status");
  return line;
}

Line resource_line(const rules::Knowledge& knowledge, const Json& json, std::string_view type,
                   Line line) {
  const auto whose = about(json, type);
  if (whose.patients.size() > 1) {
    return unusable("MF-4113", "The resource names more than one patient.");
  }
  const bool of_nobody = whose.is_empty() && !mapping::is_nobodys(knowledge, json);
  const bool says_something =
      mapping::is_clinical(type) || mapping::contains_record(knowledge, json);
  if (says_something && (of_nobody || !whose.clear)) {
    return unusable("MF-4113", "The resource does not say by an id whose it is.");
  }
  line.left_out = whose.patients.empty();
  if (!line.left_out) {
    line.key = whose.patients.front().tail;
    line.server = whose.patients.front().base;
  }
  line.links = links_of(json);
  return line;
}

// A Patient that links to another is the same person: what is said of one is missing at the other.
Line named_line(const Json& json, std::string_view type, Line line) {
  line.kind = type == "Patient" ? Kind::resource : Kind::shared;
  line.key = fmt::format("{}/{}", type, json.string_of("id"));
  line.links = links_of(json);
  for (const auto& link : json.array_of("link")) {
    const auto* other = link.find("other");
    const auto key = other == nullptr ? std::nullopt : literal(*other);
    const bool relative = key && key->type() == "RelatedPerson";
    if (!relative && (!key || key->type() != "Patient")) {
      return unusable("MF-4113", "The Patient is also another, who is not named by an id.");
    }
    line.doubtful.push_back(line.key);
    line.doubtful.push_back(key->tail);
  }
  return line;
}

Line line_of(const rules::Knowledge& knowledge, std::string bytes, const fhir::Limits& limits) {
  const auto json = fhir::read_json(bytes, limits);
  if (!json) {
    Line line = unusable({}, {});
    line.error = json.error();
    return line;
  }
  const auto type = json->string_of("resourceType");
  const auto id = json->string_of("id");
  Line line;
  line.bytes = std::move(bytes);
  if (type == "QuestionnaireResponse") {
    return response_line(*json, std::move(line));
  }
  if (type == "Patient" || type == "Medication") {
    return fhir::is_id(id) ? named_line(*json, type, std::move(line))
                           : unusable("MF-4113", "The resource has no id that can be referred to.");
  }
  if (type == "OperationOutcome" && mapping::is_failure(*json)) {
    return unusable("MF-4114", "The server says that it could not export something.");
  }
  if (type == "Bundle" || type == "Parameters") {
    return unusable("MF-4113", "What is inside another resource is not read.");
  }
  if (fhir::r4::find_resource(type) == nullptr) {
    return unusable("MF-4113", "The line is no resource of FHIR R4.");
  }
  return resource_line(knowledge, *json, type, std::move(line));
}

// Whether the files that a manifest names are there.
std::optional<fhir::Error> manifest_problem(const std::string& bytes,
                                            const std::set<std::string>& names) {
  const auto json = fhir::read_json(bytes);
  if (!json || !json->has("output")) {
    return fhir::Error{"MF-4114", "The manifest of the export cannot be read.", {}};
  }
  std::size_t missing = 0;
  for (const auto* list : {"output", "error", "deleted"}) {
    if (json->has(list) && json->find(list)->as_array() == nullptr) {
      return fhir::Error{"MF-4114", "The manifest of the export cannot be read.", {}};
    }
    for (const auto& file : json->array_of(list)) {
      const auto name = fs::path(file.string_of("url")).filename().string();
      const bool there =
          names.contains(name) || names.contains(name + ".gz") || names.contains(name + ".zst");
      missing += there ? 0U : 1U;
    }
  }
  return missing == 0 ? std::nullopt
                      : std::optional(fhir::Error{
                            "MF-4114",
                            fmt::format("Of the files that the manifest names, {} are not in the "
                                        "folder.",
                                        missing),
                            {}});
}

enum class Order { earlier, later, unknown };

Order order_of(const std::string& one, const std::string& other) {
  const auto a = fhir::parse_date_time(one);
  const auto b = fhir::parse_date_time(other);
  const auto compared = a && b ? fhir::compare(*a, *b) : std::nullopt;
  if (!compared.has_value() || *compared == std::strong_ordering::equal) {
    return Order::unknown;
  }
  return *compared == std::strong_ordering::less ? Order::earlier : Order::later;
}

}  // namespace

struct Join::State {
  store::Database db;
  const std::vector<InputFile>* files = nullptr;
  RecordLimits limits;
  std::uint64_t lines = 0, left_out = 0, unusable = 0;

  Done run(const char* sql) { return db.run(sql) ? Done() : tl::unexpected(unkept(db)); }

  tl::expected<std::uint64_t, Failure> value_of(const char* sql) {
    Statement statement(db, sql);
    if (statement.step() != Row::here) {
      return tl::unexpected(unkept(db));
    }
    return statement.number(0);
  }

  int bulk(std::size_t file) const { return (*files)[file].bulk; }
  static std::string key(int bulk, std::string_view name) {
    return name.empty() ? "" : all_of(bulk) + std::string(name);
  }
  static std::string all_of(int bulk) { return fmt::format("{}/", bulk); }

  // ---- reading everything once

  tl::expected<bool, Failure> read_all(const rules::Knowledge& knowledge,
                                       const std::function<bool()>& stop) {
    for (std::size_t file = 0; file < files->size(); ++file) {
      if (bulk(file) < 0) {
        continue;
      }
      auto whole = (*files)[file].document ? read_manifest(file) : read_file(knowledge, file, stop);
      if (!whole || !*whole) {
        return whole;
      }
    }
    return true;
  }

  tl::expected<bool, Failure> read_file(const rules::Knowledge& knowledge, std::size_t file,
                                        const std::function<bool()>& stop) {
    std::vector<InputFile> one{(*files)[file]};
    one.front().bulk = -1;
    RecordReader reader(one, limits);
    reader.stop_when(stop);
    fhir::Limits gate;
    gate.bytes = limits.record_bytes;
    gate.depth -= kLevelsAround;
    while (auto record = reader.read()) {
      auto line = record->error ? Line{} : line_of(knowledge, std::move(record->bytes), gate);
      if (record->error) {
        line.kind = Kind::error;
        line.error = std::move(record->error);
      }
      record->place.file = file;
      if (auto kept = keep(record->place, line); !kept) {
        return tl::unexpected(std::move(kept.error()));
      }
      if (stop && lines % 1024 == 0 && stop()) {
        return false;
      }
    }
    return !reader.stopped();
  }

  tl::expected<bool, Failure> read_manifest(std::size_t file) {
    std::vector<InputFile> one{(*files)[file]};
    one.front().bulk = -1;
    RecordReader reader(one, limits);
    const auto record = reader.read();
    std::set<std::string> names;
    for (const auto& other : *files) {
      if (other.bulk == bulk(file)) {
        names.insert(fs::path(other.path).filename().string());
      }
    }
    Line line;
    line.kind = Kind::error;
    line.error = record && record->error ? record->error
                                         : manifest_problem(record ? record->bytes : "", names);
    if (line.error) {
      if (auto kept = keep({file, 0, 0}, line); !kept) {
        return tl::unexpected(std::move(kept.error()));
      }
    }
    return true;
  }

  Done keep(const Place& place, const Line& line) {
    ++lines;
    if (line.left_out) {
      ++left_out;
      return {};
    }
    const auto number = bulk(place.file);
    if (auto kept = keep_line(number, line); !kept) {
      return kept;
    }
    const bool is_told = line.kind == Kind::error || line.kind == Kind::response;
    if (auto told = is_told ? tell(place) : Done(); !told) {
      return told;
    }
    for (const auto& name : line.doubtful) {
      if (auto doubted = doubt(key(number, name)); !doubted) {
        return doubted;
      }
    }
    unusable += line.error ? 1U : 0U;
    return line.error ? doubt(all_of(number)) : Done();
  }

  Done doubt(const std::string& key) {
    Statement doubted(db, "INSERT OR IGNORE INTO doubtful VALUES(?)");
    return doubted.bind(1, key).done() ? Done() : tl::unexpected(unkept(db));
  }

  Done keep_line(int number, const Line& line) {
    if (!insert) {
      insert = std::make_unique<Statement>(
          db,
          "INSERT INTO line(key,kind,server,form,authored,status,links,bytes)"
          " VALUES(?,?,?,?,?,?,?,?)");
      insert_link = std::make_unique<Statement>(db, "INSERT OR IGNORE INTO link VALUES(?)");
    }
    const auto owner = key(number, line.key);
    std::string links;
    for (const auto& link : line.links) {
      const auto name = key(number, link);
      links += name + '\n';
      insert_link->reset();
      if (insert_link->bind(1, name).step() != Row::end) {
        return tl::unexpected(unkept(db));
      }
    }
    const auto bytes = line.error ? error_text(*line.error) : line.bytes;
    insert->reset();
    insert->bind(1, owner).bind(2, static_cast<std::uint64_t>(line.kind));
    insert->bind(3, line.server).bind(4, line.form).bind(5, line.authored);
    insert->bind(6, line.status).bind(7, links).bind(8, bytes);
    return insert->done() ? Done() : tl::unexpected(unkept(db));
  }

  // Of the line that was kept last.
  Done tell(const Place& place) {
    if (!insert_told) {
      insert_told = std::make_unique<Statement>(
          db, "INSERT OR IGNORE INTO told VALUES(?,?,?,last_insert_rowid())");
    }
    insert_told->reset();
    insert_told->bind(1, static_cast<std::uint64_t>(place.file));
    insert_told->bind(2, place.offset).bind(3, place.line);
    return insert_told->done() ? Done() : tl::unexpected(unkept(db));
  }

  static std::string error_text(const fhir::Error& error) {
    return fhir::write_json(Json::object({{"code", error.code},
                                          {"text", error.text},
                                          {"place", error.place},
                                          {"line", batch::number(error.line)},
                                          {"column", batch::number(error.column)}}));
  }

  static fhir::Error error_of(const std::string& text) {
    const auto json = read_own(text).value_or(Json());
    return {std::string(json.string_of("code")), std::string(json.string_of("text")),
            std::string(json.string_of("place")), number_of(json, "line").value_or(0),
            number_of(json, "column").value_or(0)};
  }

  // ---- what became of it

  Done count() {
    std::vector<std::pair<const char*, std::uint64_t>> counts{
        {"lines", lines}, {"aboutNoPatient", left_out}, {"unusable", unusable}};
    const std::array<std::pair<const char*, const char*>, 6> questions{{
        {"responses", "SELECT COUNT(*) FROM line WHERE kind=0"},
        {"responsesWithoutPatient", "SELECT COUNT(*) FROM line WHERE kind=0 AND key=''"},
        {"resourcesOfPatientsWithResponse",
         "SELECT COALESCE(SUM(CASE WHEN m=0 THEN n ELSE 0 END),0) FROM patient"},
        {"resourcesOfPatientsWithoutResponse",
         "SELECT COALESCE(SUM(CASE WHEN m=1 THEN n ELSE 0 END),0) FROM patient"},
        {"patientsWithoutResponse", "SELECT COALESCE(SUM(m=1),0) FROM patient"},
        {"medicationsNotFound",
         "SELECT COUNT(*) FROM link WHERE NOT EXISTS (SELECT 1 FROM line WHERE key=link.key)"},
    }};
    for (const auto& [name, sql] : questions) {
      const auto value = value_of(sql);
      if (!value) {
        return tl::unexpected(value.error());
      }
      counts.emplace_back(name, *value);
    }
    Statement statement(db, "INSERT INTO counts VALUES(?,?)");
    for (const auto& [name, value] : counts) {
      statement.reset();
      if (statement.bind(1, name).bind(2, value).step() != Row::end) {
        return tl::unexpected(unkept(db));
      }
    }
    return {};
  }

  // ---- the records

  struct Response {
    std::uint64_t seq = 0;
    std::string key, server, form, authored, status, bytes;
  };

  // The Bundle so far; its size is bounded.
  struct Parts {
    std::size_t most = 0;
    std::string text = R"({"resourceType":"Bundle","type":"collection","entry":[)";
    bool any = false;
    bool too_long = false;

    void add(std::string_view resource) {
      too_long = too_long || text.size() + resource.size() > most;
      if (!too_long) {
        text += fmt::format("{}{{\"resource\":{}}}", any ? "," : "", resource);
        any = true;
      }
    }
  };

  // Of a response that names no patient by id: nobody knows whose record it lacks.
  static void add_alone(const Response& response, Parts& parts) {
    parts.add(response.bytes);
    parts.add(kUnknown);
  }

  tl::expected<Record, Failure> record(const Place& place, std::uint64_t seq) {
    Statement found(db, "SELECT kind,key,server,form,authored,status,bytes FROM line WHERE seq=?");
    if (found.bind(1, seq).step() != Row::here) {
      return tl::unexpected(unkept(db));
    }
    Record out{place, {}, {}};
    if (static_cast<Kind>(found.number(0)) == Kind::error) {
      out.error = error_of(found.text(6));
      return out;
    }
    const Response response{seq,           found.text(1), found.text(2), found.text(3),
                            found.text(4), found.text(5), found.text(6)};
    Parts parts;
    parts.most = limits.record_bytes;
    if (response.key.empty()) {
      add_alone(response, parts);
    } else if (auto done = add_record(response, bulk(place.file), parts); !done) {
      return tl::unexpected(std::move(done.error()));
    }
    if (parts.too_long) {
      out.error = fhir::Error{"MF-4104",
                              fmt::format("The response with the record of its patient is longer "
                                          "than {} bytes.",
                                          limits.record_bytes),
                              {}};
    } else {
      out.bytes = std::move(parts.text) + "]}";
    }
    return out;
  }

  Done add_record(const Response& response, int number, Parts& parts) {
    Statement rows(db,
                   "SELECT seq,kind,form,authored,status,links,bytes,server FROM line WHERE key=?"
                   " ORDER BY seq");
    rows.bind(1, response.key);
    std::vector<std::string> links;
    auto doubtful = is_doubtful(number, response.key);
    if (!doubtful) {
      return tl::unexpected(std::move(doubtful.error()));
    }
    Row status = Row::end;
    while (!parts.too_long && (status = rows.step()) == Row::here) {
      if (rows.text(7) != response.server) {
        *doubtful = true;  // of another server: the same person, or only the same id
      } else if (static_cast<Kind>(rows.number(1)) != Kind::response) {
        add_links(rows.text(5), links);
        parts.add(rows.text(6));
      } else if (rows.number(0) == response.seq) {
        parts.add(response.bytes);
      } else {
        *doubtful = !add_other(rows, response, parts) || *doubtful;
      }
    }
    if (!parts.too_long && status != Row::end) {
      return tl::unexpected(unkept(db));
    }
    if (*doubtful) {
      parts.add(kUnknown);
    }
    return add_shared(std::move(links), parts);
  }

  // Another response of the patient; false when it may be an earlier one and nobody can tell.
  static bool add_other(const Statement& row, const Response& response, Parts& parts) {
    const bool counts = row.text(2) == response.form && row.text(4) != "entered-in-error" &&
                        response.status != "entered-in-error";
    if (!counts) {
      return true;
    }
    auto bytes = row.text(6);
    const auto order = order_of(row.text(3), response.authored);
    if (order == Order::earlier) {
      parts.add(bytes);
    }
    return order != Order::unknown || bytes == response.bytes;
  }

  static void add_links(std::string_view text, std::vector<std::string>& links) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      const std::string link(text.substr(0, end));
      if (std::find(links.begin(), links.end(), link) == links.end()) {
        links.push_back(link);
      }
      text.remove_prefix(end + 1);
    }
  }

  // Grows while it is read: a mixture refers to others.
  Done add_shared(std::vector<std::string> links, Parts& parts) {
    for (std::size_t i = 0; i < links.size() && !parts.too_long; ++i) {
      const auto link = links[i];
      Statement rows(db, "SELECT links,bytes FROM line WHERE key=? ORDER BY seq");
      rows.bind(1, link);
      Row status = Row::end;
      while ((status = rows.step()) == Row::here) {
        add_links(rows.text(0), links);
        parts.add(rows.text(1));
      }
      if (status != Row::end) {
        return tl::unexpected(unkept(db));
      }
    }
    return {};
  }

  tl::expected<bool, Failure> is_doubtful(int number, const std::string& patient) {
    Statement found(db, "SELECT COUNT(*) FROM doubtful WHERE key IN (?,?)");
    const auto all = all_of(number);
    if (found.bind(1, all).bind(2, patient).step() != Row::here) {
      return tl::unexpected(unkept(db));
    }
    return found.number(0) > 0;
  }

  std::unique_ptr<Statement> insert, insert_told, insert_link;
};

Join::Join(std::unique_ptr<State> state) : state_(std::move(state)) {}
Join::~Join() = default;
Join::Join(Join&&) noexcept = default;

bool Join::is_needed(const std::vector<InputFile>& files) {
  return std::any_of(files.begin(), files.end(), [](const auto& file) { return file.bulk >= 0; });
}

tl::expected<std::optional<Join>, Failure> Join::make(const rules::Knowledge& knowledge,
                                                      const std::string& path,
                                                      const std::vector<InputFile>& files,
                                                      RecordLimits limits,
                                                      const std::function<bool()>& stop) {
  auto state = std::make_unique<State>();
  state->files = &files;
  state->limits = limits;
  if (!state->db.open(path)) {
    return tl::unexpected(unkept(state->db));
  }
  const auto whole = state->value_of("PRAGMA user_version");
  if (whole && *whole == 1) {
    return Join(std::move(state));
  }
  if (!path.empty()) {
    // What a run before left here is of no use.
    state->db.close();
    std::error_code ignored;
    fs::remove(path, ignored);
    if (!state->db.open(path)) {
      return tl::unexpected(unkept(state->db));
    }
  }
  if (auto ready = state->run(kSchema); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  const auto read = state->read_all(knowledge, stop);
  if (!read) {
    return tl::unexpected(read.error());
  }
  if (!*read) {
    return std::nullopt;
  }
  const auto done =
      state->run(kIndex).and_then([&state] { return state->count(); }).and_then([&state] {
        return state->run(kWhole);
      });
  if (!done) {
    return tl::unexpected(done.error());
  }
  return Join(std::move(state));
}

tl::expected<std::optional<Record>, Failure> Join::next(const Place& place) {
  Statement found(state_->db,
                  "SELECT file,line,at,seq FROM told WHERE (file,at)>=(?,?) AND file<?"
                  " ORDER BY file,at LIMIT 1");
  found.bind(1, static_cast<std::uint64_t>(place.file)).bind(2, place.offset);
  found.bind(3, static_cast<std::uint64_t>(behind(place.file)));
  const Row status = found.step();
  if (status == Row::end) {
    return std::nullopt;
  }
  if (status != Row::here) {
    return tl::unexpected(unkept(state_->db));
  }
  const Place at{static_cast<std::size_t>(found.number(0)), found.number(1), found.number(2)};
  return state_->record(at, found.number(3)).map([](Record&& record) {
    return std::optional(std::move(record));
  });
}

std::size_t Join::behind(std::size_t file) const {
  const auto bulk = state_->bulk(file);
  while (file < state_->files->size() && state_->bulk(file) == bulk) {
    ++file;
  }
  return file;
}

tl::expected<std::map<std::string, std::uint64_t>, Failure> Join::counts() {
  Statement rows(state_->db, "SELECT name,value FROM counts");
  std::map<std::string, std::uint64_t> out;
  Row status = Row::end;
  while ((status = rows.step()) == Row::here) {
    out[rows.text(0)] = rows.number(1);
  }
  return status == Row::end
             ? tl::expected<std::map<std::string, std::uint64_t>, Failure>(std::move(out))
             : tl::unexpected(unkept(state_->db));
}

}  // namespace myoflag::batch
