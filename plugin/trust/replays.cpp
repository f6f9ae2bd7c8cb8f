#include "plugin/trust/replays.h"

#include <array>
#include <cstdint>

#include "plugin/store/file.h"

namespace myoflag::trust {
namespace {

constexpr std::int64_t application = 0x4d796f33;  // "Myo3"
constexpr std::array<const char*, 1> migrations{
    "CREATE TABLE token(issuer TEXT NOT NULL, id TEXT NOT NULL, expires INTEGER NOT NULL,"
    " PRIMARY KEY(issuer, id)) WITHOUT ROWID;"
    "CREATE INDEX by_expiry ON token(expires);"
    "CREATE TABLE issuer(name TEXT PRIMARY KEY, tokens INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TRIGGER came AFTER INSERT ON token BEGIN"
    " INSERT INTO issuer(name,tokens) VALUES(new.issuer,1)"
    " ON CONFLICT(name) DO UPDATE SET tokens=tokens+1; END;"
    "CREATE TRIGGER went AFTER DELETE ON token BEGIN"
    " UPDATE issuer SET tokens=tokens-1 WHERE name=old.issuer; END;"};

}  // namespace

ReplaysInMemory::ReplaysInMemory(std::size_t most_of_an_issuer) : most_(most_of_an_issuer) {}

Replays::Use ReplaysInMemory::remember(const std::string& issuer, const std::string& id,
                                       Instant expires, Instant now) {
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  std::pair token(issuer, id);
  auto& count = of_issuer_[issuer];
  if (count >= most_ || !seen_.insert(token).second) {
    return Use::refused;
  }
  ++count;
  by_expiry_.emplace(expires, std::move(token));
  return Use::first;
}

void ReplaysInMemory::forget_expired(Instant now) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first + kSkew < now) {
    seen_.erase(by_expiry_.begin()->second);
    --of_issuer_[by_expiry_.begin()->second.first];
    by_expiry_.erase(by_expiry_.begin());
  }
}

struct ReplayFile::State : store::File {};

ReplayFile::ReplayFile(std::unique_ptr<State> state, std::size_t most)
    : most_(most), state_(std::move(state)) {}
ReplayFile::~ReplayFile() = default;

store::Result<std::unique_ptr<Replays>> ReplayFile::open(const std::string& path,
                                                         std::size_t most_of_an_issuer) {
  auto state = std::make_unique<State>();
  if (auto opened = state->open(path, {application, migrations, store::kDurableSoon}); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  return std::make_unique<ReplayFile>(std::move(state), most_of_an_issuer);
}

Replays::Use ReplayFile::remember(const std::string& issuer, const std::string& id, Instant expires,
                                  Instant now) {
  const std::lock_guard lock(mutex_);
  store::Write write(*state_);
  const Instant gone = now - kSkew;
  write.change("DELETE FROM token WHERE expires<?", gone.time_since_epoch().count());
  const auto count = state_->number("SELECT tokens FROM issuer WHERE name=?", issuer);
  if (!count) {
    return Use::unknown;
  }
  const bool is_full = *count && **count >= static_cast<std::int64_t>(most_);
  const bool is_first =
      !is_full &&
      write.change("INSERT INTO token(issuer,id,expires) VALUES(?,?,?) ON CONFLICT DO NOTHING",
                   issuer, id, expires.time_since_epoch().count()) == 1;
  if (!write.commit()) {
    return Use::unknown;
  }
  return is_first ? Use::first : Use::refused;
}

}  // namespace myoflag::trust
