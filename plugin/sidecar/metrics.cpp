#include "plugin/sidecar/metrics.h"

#include <array>
#include <chrono>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <utility>
#include <vector>

namespace myoflag::sidecar {
namespace {

// Around what a client waits for: half a second in all.
const prometheus::Histogram::BucketBoundaries seconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,   0.25,   0.5,   1,    2.5,   10};
constexpr std::array<const char*, 3> kinds{"assessment", "unreadable", "offer"};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("myoflag_requests_total")
          .Help("Answers by route and status; status 0: the client was gone before")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& times =
      prometheus::BuildHistogram()
          .Name("myoflag_request_seconds")
          .Help("From the whole head of a request to the last byte of its answer")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& cards = prometheus::BuildCounter()
                                                       .Name("myoflag_cards_total")
                                                       .Help("Cards answered, by kind and tier")
                                                       .Register(registry);
  std::vector<std::function<void(Metrics&)>> sources;
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::request(const http::Access& access) {
  const std::string method(access.method);
  const std::string route(access.route);
  families_->requests
      .Add({{"method", method}, {"route", route}, {"status", std::to_string(access.status)}})
      .Increment();
  families_->times.Add({{"method", method}, {"route", route}}, seconds)
      .Observe(std::chrono::duration<double>(access.time).count());
}

void Metrics::card(const cds::ShownCard& card) {
  const auto* kind = kinds[static_cast<std::size_t>(card.kind)];
  families_->cards.Add({{"kind", kind}, {"tier", card.tier}}).Increment();
}

void Metrics::set(const std::string& name, const std::string& help, const Labels& labels,
                  double value) {
  prometheus::BuildGauge()
      .Name(name)
      .Help(help)
      .Register(families_->registry)
      .Add(labels)
      .Set(value);
}

void Metrics::add_source(std::function<void(Metrics&)> source) {
  families_->sources.push_back(std::move(source));
}

std::string Metrics::text() {
  for (const auto& source : families_->sources) {
    source(*this);
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace myoflag::sidecar
