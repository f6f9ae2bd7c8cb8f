#pragma once
// What the sidecar counts, as Prometheus reads it (text format 0.0.4). Routes are patterns and
// rules are names of the knowledge: nothing of a patient. The library stays in the .cpp.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "plugin/cds/service.h"
#include "plugin/http/server.h"

namespace myoflag::sidecar {

class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void request(const http::Access& access);
  void card(const cds::ShownCard& card);

  // Of something that is looked up when it is asked for.
  void set(const std::string& name, const std::string& help, const Labels& labels, double value);
  // Before anybody asks; each sets what it looked up.
  void add_source(std::function<void(Metrics&)> source);

  std::string text();

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace myoflag::sidecar
