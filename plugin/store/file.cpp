#include "plugin/store/file.h"

#include <sys/stat.h>

#include <fmt/format.h>

namespace myoflag::store {

Failure File::failure() const {
  return {Exit::outside, fmt::format("MF-3100: the store cannot be kept: {}", db.error())};
}

Done File::migrate(const Schema& schema) {
  const auto newest = static_cast<std::int64_t>(schema.migrations.size());
  Write write(*this);  // two processes may come at once
  const auto version = number("PRAGMA user_version");
  const auto application = number("PRAGMA application_id");
  const auto tables = number("SELECT COUNT(*) FROM sqlite_schema");
  if (!version || !application || !tables) {
    return tl::unexpected(failure());
  }
  const bool is_empty = **tables == 0 && **version == 0;
  if (!is_empty && **application != schema.application) {
    return tl::unexpected(
        Failure{Exit::usage, "MF-3101: the file is no store of this program; it is left alone"});
  }
  if (**version > newest) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3102: the store was written by a newer version of "
                                         "this program (schema {}, this one knows {})",
                                         **version, newest)});
  }
  if (**version == newest) {
    return {};
  }
  for (auto at = **version; at < newest; ++at) {
    if (!db.run(schema.migrations[static_cast<std::size_t>(at)])) {
      return tl::unexpected(failure());
    }
  }
  write.change(fmt::format("PRAGMA application_id={}", schema.application).c_str());
  write.change(fmt::format("PRAGMA user_version={}", newest).c_str());
  return write.commit();
}

Done File::open(const std::string& path, const Schema& schema) {
  if (!db.open(path)) {
    return tl::unexpected(failure());
  }
  struct stat about {};
  if (!path.empty() && ::stat(path.c_str(), &about) == 0 && (about.st_mode & 077U) != 0) {
    return tl::unexpected(Failure{Exit::usage,
                                  "MF-3103: others may read the store; chmod 600 it and the files "
                                  "beside it"});
  }
  // Before anything is changed in a file that may be another program's.
  db.run("PRAGMA busy_timeout=10000");
  if (auto migrated = migrate(schema); !migrated) {
    return migrated;
  }
  return db.run(schema.settings) ? Done() : tl::unexpected(failure());
}

Write::Write(File& file) : file_(file) {
  hook();
  is_open_ = file_.db.run("BEGIN IMMEDIATE");
  is_good_ = is_open_;
}

Write::~Write() {
  if (is_open_) {
    file_.db.run("ROLLBACK");
  }
}

Done Write::commit() {
  if (!is_good_ || !file_.db.run("COMMIT")) {
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
