#include "plugin/store/file.h"

#include <sys/stat.h>

#include <fmt/format.h>

#include "plugin/safe_text.h"
#include "plugin/store/sqlite.h"

namespace myoflag::store {

Failure File::failure() const {
  return {Exit::outside, fmt::format("MF-3100: the store cannot be kept: {}", db->error())};
}

Done File::migrate(const Schema& schema) {
  const auto newest = static_cast<std::int64_t>(schema.migrations.size());
  Write write(*this);  // two processes may come at once
  const auto standing = write.is_good() ? db->standing() : std::nullopt;
  if (!standing) {
    return tl::unexpected(failure());
  }
  if (!standing->is_empty && standing->application != schema.application) {
    return tl::unexpected(Failure{Exit::usage,
                                  "MF-3101: what is there is no store of this program; it is left "
                                  "alone"});
  }
  if (standing->version > newest) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3102: the store was written by a newer version of "
                                         "this program (schema {}, this one knows {})",
                                         standing->version, newest)});
  }
  if (standing->version == newest) {
    return {};
  }
  for (auto at = standing->version; at < newest; ++at) {
    if (!db->build(schema.migrations[static_cast<std::size_t>(at)])) {
      return tl::unexpected(failure());
    }
  }
  return db->mark(schema.application, newest) ? write.commit() : tl::unexpected(failure());
}

Done File::use(std::unique_ptr<Connection> connection, const Schema& schema) {
  db = std::move(connection);
  return migrate(schema);
}

Done File::open(const std::string& path, const Schema& schema) {
  Database file;
  const bool is_open = file.open(path);
  auto connection = std::make_unique<SqliteConnection>(std::move(file));
  auto* const sqlite = connection.get();
  db = std::move(connection);
  if (!is_open) {
    return tl::unexpected(Failure{
        Exit::outside,
        fmt::format("MF-3100: {}: the store cannot be kept: {}", safe_name(path), db->error())});
  }
  struct stat about {};
  if (!path.empty() && ::stat(path.c_str(), &about) == 0 && (about.st_mode & 077U) != 0) {
    return tl::unexpected(Failure{Exit::usage,
                                  "MF-3103: others may read the store; chmod 600 it and the files "
                                  "beside it"});
  }
  // Before anything is changed in a file that may be another program's.
  sqlite->run("PRAGMA busy_timeout=10000");
  if (auto migrated = migrate(schema); !migrated) {
    return migrated;
  }
  return sqlite->run(schema.settings) ? Done() : tl::unexpected(failure());
}

Write::Write(File& file, Locks locks) : file_(file) {
  hook();
  is_open_ = file_.db->begin(locks);
  is_good_ = is_open_;
}

Write::~Write() {
  if (is_open_) {
    file_.db->roll_back();
  }
}

Done Write::commit() {
  if (!is_good_ || !file_.db->commit()) {
    return tl::unexpected(file_.failure());
  }
  is_open_ = false;
  hook();
  return {};
}

void Write::hook() const {
  if (file_.at_write) {
    file_.at_write();
  }
}

}  // namespace myoflag::store
