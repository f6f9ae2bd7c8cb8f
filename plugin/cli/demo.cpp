#include "plugin/cli/demo.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/cds/prefetch.h"
#include "plugin/cli/embedded_demo.h"
#include "plugin/delivery/submission.h"
#include "plugin/intake/flow.h"
#include "plugin/write_all.h"

namespace myoflag::cli {
namespace {

namespace fs = std::filesystem;
using fhir::Json;
using std::chrono::days;
using std::chrono::seconds;

constexpr std::string_view kFolder = "myoflag-demo-";
constexpr std::string_view kLock = "/lock";
constexpr std::string_view kBorn = "1980-02-27";  // of the patient who has not answered
constexpr std::chrono::hours kTime{24};           // for the invitations
// The morning that the samples were written for.
constexpr rules::Instant kMorning =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(9);

tl::unexpected<Failure> no_place(int why) {
  return tl::unexpected(Failure{
      Exit::outside,
      fmt::format("MF-3100: the store cannot be kept: there is no place for a temporary folder: {}",
                  std::strerror(why))});
}

// The lock's file, locked; -1: somebody holds it, or it is none.
int locked(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) == 0) {
    return file;
  }
  if (file >= 0) {
    ::close(file);
  }
  return -1;
}

// A folder of ours whose program was killed. Others may put what they like under such a name.
void remove_if_left(const std::string& path) {
  struct stat about {};
  const bool is_ours = ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) &&
                       about.st_uid == ::geteuid() && (about.st_mode & 077U) == 0;
  const int lock = is_ours ? locked(path + std::string(kLock), 0) : -1;
  if (lock >= 0) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
    ::close(lock);
  }
}

void tidy(const fs::path& place) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator at(place, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(kFolder)) {
      found.push_back(at->path().string());
    }
  }
  for (const auto& path : found) {
    remove_if_left(path);
  }
}

// ---- the sample, as if it were of today

// Nothing: it is no date, or is less exact than a day.
std::optional<std::string> moved(const std::string& text, seconds by) {
  if (const auto moment = fhir::parse_instant(text)) {
    return fhir::instant_text(*fhir::to_sys_seconds(*moment) + by);
  }
  const auto day = fhir::parse_date(text);
  if (!day || day->precision != fhir::Precision::day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(
      std::chrono::year(day->year), std::chrono::month(day->month), std::chrono::day(day->day));
  return fhir::instant_text(std::chrono::sys_days(date) + std::chrono::floor<days>(by))
      .substr(0, text.size());
}

// The embedded sample is not deep.
void move_dates(Json& json, seconds by) {
  if (auto* object = json.as_object()) {
    for (auto& member : *object) {
      move_dates(member.value, by);
    }
  } else if (auto* array = json.as_array()) {
    for (auto& element : *array) {
      move_dates(element, by);
    }
  } else if (const auto* text = json.as_string()) {
    if (auto later = moved(*text, by)) {
      json = Json(*std::move(later));
    }
  }
}

// The embedded sample has one.
Json& entry_of(Json& bundle, std::string_view type) {
  auto& entries = *bundle.find("entry")->as_array();
  return *std::find_if(entries.begin(), entries.end(), [&](Json& entry) {
    return entry.find("resource")->string_of("resourceType") == type;
  });
}

void add_answer(const rules::Knowledge& knowledge, const Json& item, intake::Draft& draft) {
  const auto link = item.string_of("linkId");
  const int index = knowledge.item(link);
  if (index < 0 || item.array_of("answer").empty()) {
    return;
  }
  const auto& known = knowledge.items[static_cast<std::size_t>(index)];
  intake::Answer answer;
  for (const auto& given : item.array_of("answer")) {
    if (const auto* coding = given.find("valueCoding")) {
      const auto code = coding->string_of("code");
      const int option = code.size() > link.size() ? known.option(code.substr(link.size() + 1)) : 0;
      answer.chosen |= std::uint64_t{1} << std::max(option, 0);
    } else if (const auto* number = given.find("valueInteger")) {
      answer.text = number->as_number()->text;
    }
  }
  draft[index] = answer;
}

// What the patient would have chosen on the pages.
intake::Draft draft_of(const rules::Knowledge& knowledge, const Json& owner) {
  intake::Draft draft;
  for (const auto& item : owner.array_of("item")) {
    add_answer(knowledge, item, draft);
    draft.merge(draft_of(knowledge, item));
  }
  return draft;
}

Json searchset(const Json& bundle, std::string_view type) {
  Json found = Json::array();
  for (const auto& entry : bundle.array_of("entry")) {
    if (entry.find("resource")->string_of("resourceType") == type) {
      found.push(Json::object({{"resource", *entry.find("resource")}}));
    }
  }
  const auto total = static_cast<std::int64_t>(found.as_array()->size());
  Json out =
      Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}, {"total", Json(total)}});
  out.set_if("entry", std::move(found));
  return out;
}

// As an EHR asks about this patient whose chart is opened.
std::string call_of(const Json& bundle, const Json& patient) {
  Json prefetch = Json::object({});
  for (const auto& asked : cds::kTemplates) {
    const bool is_one = asked.type == "Patient";
    prefetch.set(asked.key, is_one ? patient : searchset(bundle, asked.type));
  }
  return fhir::write_json(Json::object(
      {{"hook", "patient-view"},
       {"hookInstance", "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"},
       {"fhirServer", "https://ehr.example/fhir"},
       {"context",
        Json::object({{"userId", "Practitioner/example"}, {"patientId", patient.string_of("id")}})},
       {"prefetch", std::move(prefetch)}}));
}

tl::expected<void, Failure> write_call(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool done = file >= 0 && write_all(file, text);
  const int why = errno;
  if (file >= 0) {
    ::close(file);
  }
  return done ? tl::expected<void, Failure>() : no_place(why);
}

tl::expected<intake::Created, Failure> invited(intake::Invitations& invitations,
                                               std::string patient, std::string born,
                                               rules::Instant now) {
  return invitations.invite({std::move(patient), std::move(born), "", now + kTime}, now);
}

// As if the patient had filled in the pages, in an order that loses nothing.
tl::expected<void, Failure> answer(intake::Invitations& invitations, std::int64_t id,
                                   const intake::Settings& settings, const Assessor& assessor,
                                   const Json& bundle, const Assessed& assessed,
                                   rules::Instant now) {
  const auto submission =
      delivery::submission_of(assessed, fhir::write_json(bundle),
                              {settings.tenant, settings.urgency, settings.communication});
  if (!submission) {
    return tl::unexpected(submission.error());
  }
  intake::Change change;
  change.invitation = id;
  change.draft =
      intake::draft_text(*assessor.knowledge(), draft_of(*assessor.knowledge(), assessed.response));
  return invitations.save(change, now)
      .and_then([&](bool) {
        return invitations.submit(id, 1, *submission, intake::told_text(assessed.assessment), now);
      })
      .map([](bool) {});
}

tl::expected<std::optional<DemoPatient>, Failure> answered(const DemoFolder& folder,
                                                           intake::Invitations& invitations,
                                                           const intake::Settings& settings,
                                                           const Assessor& assessor,
                                                           rules::Instant now) {
  auto read = fhir::read_json(kDemoBundle);
  if (!read) {
    return std::nullopt;
  }
  Json bundle = *std::move(read);
  move_dates(bundle, now - kMorning);
  auto& entry = entry_of(bundle, "QuestionnaireResponse");
  auto* response = entry.find("resource");
  const Json patient = *entry_of(bundle, "Patient").find("resource");
  const std::string born(patient.string_of("birthDate"));
  const auto created = invited(
      invitations, std::string(response->find("subject")->string_of("reference")), born, now);
  if (!created) {
    return tl::unexpected(created.error());
  }
  const auto known = invitations.by_id(created->id);
  if (!known || !*known) {
    return tl::unexpected(known ? Failure{Exit::outside, "MF-3100: the store cannot be kept"}
                                : known.error());
  }
  response->set("id", (*known)->response);
  entry.erase("fullUrl");  // names the sample
  AssessOptions how;
  how.now = now;
  const auto assessed = assessor.assess_resource(bundle, how);
  if (!assessed) {  // other knowledge, with another form
    return invitations.withdraw(created->id, now).map([] { return std::nullopt; });
  }
  if (auto done = answer(invitations, created->id, settings, assessor, bundle, *assessed, now);
      !done) {
    return tl::unexpected(done.error());
  }
  return write_call(folder.call(), call_of(bundle, patient)).map([&] {
    return std::optional(DemoPatient{intake::path_of(created->token), born});
  });
}

}  // namespace

tl::expected<DemoFolder, Failure> DemoFolder::make() {
  std::error_code error;
  const auto place = fs::temp_directory_path(error);
  if (error) {
    return no_place(error.value());
  }
  tidy(place);
  auto path = (place / (std::string(kFolder) + "XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) {
    return no_place(errno);
  }
  const int lock = locked(path + std::string(kLock), O_CREAT | O_EXCL);
  if (lock < 0 || !fs::exists(path + std::string(kLock), error)) {  // somebody tidied just then
    return no_place(lock < 0 ? errno : ENOENT);
  }
  return DemoFolder(std::move(path), lock);
}

void DemoFolder::remove() {
  std::error_code ignored;
  if (!path_.empty()) {
    fs::remove_all(path_, ignored);
    ::close(lock_);
    path_.clear();
  }
}

void use_demo(const DemoFolder& folder, bool is_delivering, config::Config& config) {
  config.intake.store = folder.store();
  if (is_delivering) {
    config.delivery.store = folder.store();
    config.delivery.how.folder = folder.ehr();
    config.delivery.how.site = "file";
  }
}

config::IntakeOptions for_demo(config::IntakeOptions options) {
  options.clinic = options.clinic.empty() ? "Example Clinic" : options.clinic;
  options.phone = options.phone.empty() ? "020 7946 0123" : options.phone;
  options.emergency_number = options.emergency_number.empty() ? "112" : options.emergency_number;
  return options;
}

tl::expected<DemoPatients, Failure> bring_patients(const DemoFolder& folder,
                                                   intake::Invitations& invitations,
                                                   const intake::Settings& settings,
                                                   const Assessor& assessor, rules::Instant now) {
  const auto open = invited(invitations, "Patient/example", std::string(kBorn), now);
  if (!open) {
    return tl::unexpected(open.error());
  }
  return answered(folder, invitations, settings, assessor, now)
      .map([&](std::optional<DemoPatient>&& patient) {
        return DemoPatients{{intake::path_of(open->token), std::string(kBorn)}, std::move(patient)};
      });
}

}  // namespace myoflag::cli
